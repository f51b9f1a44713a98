// The firings that croner finds: lines of JSON in, {zone, after, count, expr}; lists of seconds out.
"use strict";
const readline = require("readline");
const { Cron } = require("croner");

readline.createInterface({ input: process.stdin }).on("line", (line) => {
	const { zone, after, count, expr } = JSON.parse(line);
	const options = { timezone: zone, paused: true, mode: "7-part", fixedTimeRule: "no-wildcard" };
	let answer;
	try {
		const runs = new Cron(expr, options).nextRuns(count, new Date(after * 1000));
		answer = runs.map((run) => run.getTime() / 1000);
	} catch (error) {
		answer = error.message;
	}
	console.log(JSON.stringify(answer));
});
