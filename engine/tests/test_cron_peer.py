"""Schedules against croner, an independent implementation, on random expressions and instants.

Half of the instants lie within a day of a change of the zone's clock. What croner has no notation
for is written out for it: 5/2, FRI-MON and 22-2, JANUARY, and L-3 in months of one length.

Deliberate differences, and how the comparison deals with them:
- croner takes an expression with a step or * in any of second, minute and hour for one that follows
  the running clock; here only every hour does. In zones with changes croner gets these three
  fields as plain lists, or * for every hour, which makes the kinds the same.
- 15,* as a day (or weekday) with others: restricted for croner, not here, as in gorhill/cronexpr.
  croner gets *.
- A whole day left out (Apia, 30 December 2011): croner forgets its firings, here they are one at
  the end of the gap. That one instant is taken out where croner does not have it.
- Years end here with 2099, in croner later.
- What a zone will do is a forecast, which another age of the tables than the system's does not
  share. In zones other than UTC all after 2022 is left out.
"""

import bisect
import datetime
import itertools
import json
import os
import pathlib
import random
import subprocess
import zoneinfo

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("E4_BUILD", HERE.parents[1] / "build" / "release"))
CASES = int(os.environ.get("E4_CASES", "12000"))  # each expression at one instant
RUNS = 4
ZONES = ["UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
         "Africa/Casablanca", "America/Sao_Paulo", "America/St_Johns", "Asia/Kathmandu"]
FROM, TO = 631152000, 1672531200  # 1990 to 2022
APIA_GAP_END = 1325239200
LAST = 4102444799  # of 2099
MONTHS = "january february march april may june july august september october november december"
WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday"
LENGTHS = {31: [1, 3, 5, 7, 8, 10, 12], 30: [4, 6, 9, 11]}


class Field:
    """One field's random text, croner's text for the same, and its plain values."""

    def __init__(self, rng, low, high, names="", often=()):
        self.rng, self.low, self.high, self.often = rng, low, high, often
        self.names = names.split()

    def value(self):
        if self.often and self.rng.random() < 0.6:
            return self.rng.choice(self.often)
        return self.rng.randint(self.low, self.high)

    def word(self, value):
        """A value's text, and the value: as a name Sunday is 0."""
        if not self.names or self.rng.random() < 0.4:
            return f"{value:02d}" if self.rng.random() < 0.1 else str(value), value
        index = (value - self.low) % len(self.names)
        name = self.names[index]
        name = name if self.rng.random() < 0.3 else name[:3]
        return name.upper() if self.rng.random() < 0.6 else name.title(), self.low + index

    def cycle(self):
        return len(self.names) or self.high - self.low + 1

    def span(self, first, last, step=1):
        if last < first:
            last += self.cycle()
        return [self.low + (v - self.low) % self.cycle() for v in range(first, last + 1, step)]

    def entry(self):
        (one, first), (two, last) = self.word(self.value()), self.word(self.value())
        step = self.rng.randint(1, max(2, self.high // 2 if self.high < 100 else 12))
        kind = self.rng.randrange(6)
        if kind < 3:
            return one, self.span(first, first)
        if kind == 3:
            return f"{one}-{two}", self.span(first, last)
        if kind == 4:
            return f"{one}-{two}/{step}", self.span(first, last, step)
        if self.cycle() == 7:
            return f"{one}/{step}", self.span(first % 7, 6, step)
        return f"{one}/{step}", self.span(first, self.high, step)

    def all(self):
        return sorted(set(self.span(self.low, self.low + self.cycle() - 1)))

    def make(self, star=0.3):
        if self.rng.random() < star:
            return self.rng.choice("***?"), "*", self.all()
        if self.rng.random() < 0.2:
            step = self.rng.randint(1, min(self.high, 20))
            values = self.span(self.low, self.low + self.cycle() - 1, step)
            return f"*/{step}", plain(values), values
        entries = [self.entry() for _ in range(self.rng.choice([1, 1, 1, 2, 3]))]
        values = sorted({v for _, some in entries for v in some})
        return ",".join(text for text, _ in entries), plain(values), values


class Years(Field):
    def span(self, first, last, step=1):
        return list(range(min(first, last), max(first, last) + 1, step))

    def entry(self):
        first, last = sorted([self.value(), self.value()])
        return self.rng.choice([(str(first), [first]),
                                (f"{first}-{last}", self.span(first, last)),
                                (f"{first}-{last}/3", self.span(first, last, 3)),
                                (f"{first}/5", self.span(first, self.high, 5))])


def plain(values):
    return ",".join(map(str, values))


def days(rng, month_values):
    """The day field: a few entries, of the special ones too."""
    field = Field(rng, 1, 31)
    text, theirs, _ = field.make(star=0.45)
    if theirs == "*" or rng.random() < 0.5:
        return text, theirs
    if rng.random() < 0.2:
        return with_star(rng, rng.choice(["LW", "lw"]), "LW")  # croner has it alone only
    ours, peer = [], []
    for _ in range(rng.choice([1, 1, 2])):
        day = rng.randint(1, 31)
        special = [("L", "L"), (f"{day}W", f"{day}W")]
        for length, months in LENGTHS.items():
            if set(month_values) <= set(months):
                before = rng.randint(1, 29)
                special += [(f"L-{before}", str(length - before))] * 3
        a, b = rng.choice(special)
        ours.append(a)
        peer.append(b)
    if rng.random() < 0.3:
        ours.append(text)
        peer.append(theirs)
    return with_star(rng, ",".join(ours), ",".join(peer))


def weekdays(rng):
    field = Field(rng, 0, 7, WEEKDAYS)
    text, theirs, _ = field.make(star=0.45)
    if theirs == "*" or rng.random() < 0.5:
        return text, theirs
    ours, peer = [], []
    for _ in range(rng.choice([1, 1, 2])):
        (day, value), n = field.word(rng.randint(0, 7)), rng.randint(1, 5)
        a, b = rng.choice([(f"{day}L", f"{value}#L"), (f"{day}#{n}", f"{value}#{n}")])
        ours.append(a)
        peer.append(b)
    if rng.random() < 0.3:
        ours.append(text)
        peer.append(theirs)
    return with_star(rng, ",".join(ours), ",".join(peer))


def with_star(rng, ours, peer):
    return (ours + ",*", "*") if rng.random() < 0.03 else (ours, peer)


def expression(rng, zone, daily):
    """A text and croner's for the same; of every day, or with all fields."""
    second = Field(rng, 0, 59).make(star=0.1)
    minute = Field(rng, 0, 59, often=(0, 15, 30, 45)).make(star=0.2)
    hour = Field(rng, 0, 23, often=(0, 1, 2, 3)).make(star=0.3)
    if daily or rng.random() < 0.5:
        months = "*", "*", list(range(1, 13))
    elif rng.random() < 0.3:
        some = rng.sample(rng.choice(list(LENGTHS.values())), 3)
        months = plain(some), plain(some), some
    else:
        months = Field(rng, 1, 12, MONTHS).make()
    day, weekday = days(rng, months[2]), weekdays(rng)
    if daily:
        day = weekday = "*", "*"
    year = Years(rng, 1970, 2099, often=range(2000, 2024)).make(star=1 if daily else 0.5)
    words = [minute[0], hour[0], day[0], months[0], weekday[0]]
    n = rng.choice([5, 6, 7])
    if n > 5:
        words.append(year[0])
    if n > 6:
        words.insert(0, second[0])
    times = [second if n > 6 else ("0", "0", [0]), minute, hour]
    every_hour = len(hour[2]) == 24
    if zone == "UTC":
        peer = [t[1] for t in times]
    else:
        peer = [plain(t[2]) for t in times[:2]] + ["*" if every_hour else plain(hour[2])]
    peer += [day[1], months[1], weekday[1], year[1] if n > 5 else "*"]
    return rng.choice([" ", "  ", "\t"]).join(words).replace("\t", " "), " ".join(peer)


def changes(zone):
    """Days from whose start to the next one's a zone's clock changes."""
    info = zoneinfo.ZoneInfo(zone)
    offsets = [(t, datetime.datetime.fromtimestamp(t, info).utcoffset())
               for t in range(FROM, TO, 86400)]
    return [t for (t, before), (_, after) in itertools.pairwise(offsets) if before != after]


CHANGES = {zone: changes(zone) for zone in ZONES}


def changes_that_day(zone, t):
    at = bisect.bisect(CHANGES[zone], t)
    return at > 0 and t - CHANGES[zone][at - 1] < 86400


def cases(rng):
    for _ in range(CASES):
        zone = rng.choice(ZONES)
        after, daily = rng.randrange(FROM, TO), False
        if CHANGES[zone] and rng.random() < 0.6:
            after = rng.choice(CHANGES[zone]) + rng.randrange(-86400, 86400)
            daily = rng.random() < 0.6
        yield (zone, after, *expression(rng, zone, daily))


def ask(command, lines):
    done = subprocess.run(command, input="".join(line + "\n" for line in lines), check=True,
                          stdout=subprocess.PIPE, text=True, timeout=300)
    return done.stdout.splitlines()


def croner(some):
    folder = HERE / "croner"
    if not (folder / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True,
                       capture_output=True, timeout=300)
    return map(json.loads, ask(["node", folder / "next.js"], [
        json.dumps({"zone": zone, "after": after, "count": RUNS, "expr": peer})
        for zone, after, _, peer in some]))


def comparable(zone, ours, theirs):
    end = LAST if zone == "UTC" else TO
    ours, theirs = [t for t in ours if t <= end], [t for t in theirs if t <= end]
    if zone == "Pacific/Apia" and APIA_GAP_END in ours and APIA_GAP_END not in theirs:
        ours = [t for t in ours if t != APIA_GAP_END]
        theirs = theirs[:RUNS - 1]
    return ours, theirs


def test_schedules_fire_when_an_independent_implementation_says():
    seed = int(os.environ.get("E4_SEED", "5"))
    some = list(cases(random.Random(seed)))
    program = BUILD / "engine" / "tests" / "next_lines"
    answers = ask([program], ["\t".join([zone, str(after), str(RUNS), ours])
                              for zone, after, ours, _ in some])
    wrong, firings, around_changes = [], 0, 0
    for case, mine, theirs in zip(some, answers, croner(some), strict=True):
        assert isinstance(theirs, list), (case, theirs)
        zone, after, *_ = case
        ours, theirs = comparable(zone, [int(word) for word in mine.split()], theirs)
        firings += len(ours)
        around_changes += any(changes_that_day(zone, t) for t in ours)
        if ours != theirs:
            wrong.append((case, ours, theirs))
    print(f"{len(some)} expressions, {firings} firings, seed {seed}; "
          f"{around_changes} fire on the day of a change")
    assert not wrong, f"{len(wrong)} differ, such as {wrong[:3]}"
    assert len(some) >= 10000
    assert firings > 2.5 * len(some)
    assert around_changes > 2000
