"""What tools in the field speak, written down a second time: it never changes.

Additions are free (new methods, fields from 100 on, enum values); whatever is
listed here has to stay as it is.
"""

import pathlib
import subprocess

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

API = pathlib.Path(__file__).resolve().parents[1]

ROUTES = """
NewClient             POST   /e4/client/{client.name}
RemoveClient          DELETE /e4/client/{client.name}
ResetClient           PUT    /e4/client/{client.name}
NewClientKey          PATCH  /e4/client/{client.name}
NewTopic              POST   /e4/topic/{topic=**}
RemoveTopic           DELETE /e4/topic/{topic=**}
NewTopicClient        PUT    /e4/client/{client.name}/topic/{topic=**}
RemoveTopicClient     DELETE /e4/client/{client.name}/topic/{topic=**}
CountTopicsForClient  GET    /e4/client/{client.name}/topics/count
GetTopicsForClient    GET    /e4/client/{client.name}/topics
CountClientsForTopic  GET    /e4/topic/{topic=**}/clients/count
GetClientsForTopic    GET    /e4/topic/{topic=**}/clients
CountClients          GET    /e4/clients/count
GetClients            GET    /e4/clients
CountTopics           GET    /e4/topics/count
GetTopics             GET    /e4/topics
LinkClient            POST   /e4/client/{targetClient.name}/link/{sourceClient.name}
UnlinkClient          DELETE /e4/client/{targetClient.name}/unlink/{sourceClient.name}
CountLinkedClients    GET    /e4/client/{client.name}/link/count
GetLinkedClients      GET    /e4/client/{client.name}/link
SendClientPubKey      POST   /e4/send-client-pubkey
RemoveClientPubKey    POST   /e4/remove-client-pubkey
ResetClientPubKeys    POST   /e4/reset-client-pubkeys
NewC2Key              POST   /e4/new-c2-key
ProtectMessage        POST   /e4/protect-message
UnprotectMessage      POST   /e4/unprotect-message
HealthCheck           GET    /e4/health-check
GetCryptoMode         GET    /e4/crypto-mode
"""

RULE_ROUTES = """
ListRules   GET    /rules           ListRulesRequest   RulesResponse
GetRule     GET    /rules/{ruleId}  GetRuleRequest     RuleResponse
AddRule     POST   /rules           AddRuleRequest     RuleResponse
UpdateRule  PUT    /rules           UpdateRuleRequest  RuleResponse
DeleteRule  DELETE /rules/{ruleId}  DeleteRuleRequest  DeleteRuleResponse
HealthCheck GET    /health-check    HealthCheckRequest HealthCheckResponse
"""

# message: fields as number name type; a message not listed has none below 100
FIELDS = """
Client: 1 name string
NewClientRequest: 1 client Client, 2 key bytes
RemoveClientRequest: 1 client Client
ResetClientRequest: 1 client Client
NewClientKeyRequest: 1 client Client
CountTopicsForClientRequest: 1 client Client
CountLinkedClientsRequest: 1 client Client
NewTopicClientRequest: 1 client Client, 2 topic string
RemoveTopicClientRequest: 1 client Client, 2 topic string
NewTopicRequest: 1 topic string
RemoveTopicRequest: 1 topic string
CountClientsForTopicRequest: 1 topic string
GetTopicsForClientRequest: 1 client Client, 2 offset int64, 3 count int64
GetLinkedClientsRequest: 1 client Client, 2 offset int64, 3 count int64
GetClientsForTopicRequest: 1 topic string, 2 offset int64, 3 count int64
GetClientsRequest: 1 offset int64, 2 count int64
GetTopicsRequest: 1 offset int64, 2 count int64
CountTopicsForClientResponse: 1 count int64
CountClientsForTopicResponse: 1 count int64
CountClientsResponse: 1 count int64
CountTopicsResponse: 1 count int64
CountLinkedClientsResponse: 1 count int64
GetTopicsForClientResponse: 1 topics repeated string
GetTopicsResponse: 1 topics repeated string
GetClientsForTopicResponse: 1 clients repeated Client
GetClientsResponse: 1 clients repeated Client
GetLinkedClientsResponse: 1 clients repeated Client
LinkClientRequest: 1 sourceClient Client, 2 targetClient Client
UnlinkClientRequest: 1 sourceClient Client, 2 targetClient Client
SendClientPubKeyRequest: 1 sourceClient Client, 2 targetClient Client
RemoveClientPubKeyRequest: 1 sourceClient Client, 2 targetClient Client
ResetClientPubKeysRequest: 1 targetClient Client
NewC2KeyRequest: 1 force bool
ProtectMessageRequest: 1 topic string, 2 binaryData bytes
ProtectMessageResponse: 1 topic string, 2 protectedBinaryData bytes
UnprotectMessageRequest: 1 topic string, 2 protectedBinaryData bytes
UnprotectMessageResponse: 1 topic string, 2 binaryData bytes
Event: 1 type EventType, 2 source string, 3 target string, 4 timestamp Timestamp
HealthCheckResponse: 1 Code int64, 2 Status string
GetCryptoModeResponse: 1 CryptoMode CryptoMode
"""

RULE_FIELDS = """
ListRulesRequest:
Rule: 1 id int32, 2 description string, 3 action ActionType, 4 lastExecuted Timestamp, \
5 triggers repeated Trigger, 6 targets repeated Target
Target: 1 id int32, 2 type TargetType, 3 expr string
Trigger: 1 id int32, 2 type TriggerType, 3 settings bytes
RulesResponse: 1 rules repeated Rule
RuleResponse: 1 rule Rule
GetRuleRequest: 1 ruleId int32
DeleteRuleRequest: 1 ruleId int32
DeleteRuleResponse: 1 ruleId int32
AddRuleRequest: 1 description string, 2 action ActionType, 3 triggers repeated Trigger, \
4 targets repeated Target
UpdateRuleRequest: 1 ruleId int32, 2 description string, 3 action ActionType, \
4 triggers repeated Trigger, 5 targets repeated Target
"""

ENUMS = """
EventType: UNDEFINED=0 CLIENT_SUBSCRIBED=1 CLIENT_UNSUBSCRIBED=2
CryptoMode: CRYPTOMODE_UNDEFINED=0 CRYPTOMODE_SYMKEY=1 CRYPTOMODE_PUBKEY=2
"""

RULE_ENUMS = """
ActionType: UNDEFINED_ACTION=0 KEY_ROTATION=1
TargetType: ANY=0 TOPIC=1 CLIENT=2
TriggerType: UNDEFINED_TRIGGER=0 TIME_INTERVAL=1 EVENT=2
"""


def load(tmp_path, name="c2.proto"):
    out = tmp_path / "all"
    subprocess.run(["protoc", f"-I{API}", "--include_imports", "-o", out, API / name],
                   check=True)
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for f in files:
        pool.Add(f)
    return next(f for f in files if f.name == name), pool


def http_rule(pool, options):
    """The first route of a method, by a class of this pool that knows the option."""
    known = message_factory.MessageFactory(pool).GetPrototype(
        pool.FindMessageTypeByName("google.protobuf.MethodOptions"))
    rule = known.FromString(options.SerializeToString()).Extensions[
        pool.FindExtensionByName("google.api.http")]
    verb = rule.WhichOneof("pattern")
    return (verb.upper(), getattr(rule, verb)) if verb else None


def rows(text):
    return text.strip().splitlines()


def type_of(field):
    name = field.type_name.split(".")[-1] or \
        descriptor_pb2.FieldDescriptorProto.Type.Name(field.type)[5:].lower()
    return "repeated " + name if field.label == field.LABEL_REPEATED else name


def fields_below_100(message):
    fields = sorted((f.number, f.name, type_of(f)) for f in message.field if f.number < 100)
    return ", ".join(f"{n} {f} {t}" for n, f, t in fields)


def values_below_100(enum):
    return " ".join(f"{v.name}={v.number}" for v in enum.value if v.number < 100)


def test_routes_never_change(tmp_path):
    c2, pool = load(tmp_path)
    assert c2.package == "pb"
    methods = {m.name: m for m in c2.service[0].method}
    for row in rows(ROUTES):
        name, verb, path = row.split()
        assert http_rule(pool, methods[name].options) == (verb, path)
        assert methods[name].input_type == f".pb.{name}Request"
        assert methods[name].output_type == f".pb.{name}Response"
        assert not methods[name].server_streaming
    events = methods["SubscribeToEventStream"]
    assert events.input_type == ".pb.SubscribeToEventStreamRequest"
    assert events.output_type == ".pb.Event" and events.server_streaming
    assert http_rule(pool, events.options) is None


def test_fields_never_change(tmp_path):
    c2, _ = load(tmp_path)
    known = dict(row.split(": ") for row in rows(FIELDS))
    # The names of methods that are known of old; messages of newer ones are free.
    old = {row.split()[0] + end for row in rows(ROUTES) for end in ("Request", "Response")}
    old |= {"SubscribeToEventStreamRequest", *known}
    messages = {m.name: m for m in c2.message_type}
    for name in old:
        assert fields_below_100(messages[name]) == known.get(name, "")


def test_enums_never_change(tmp_path):
    c2, _ = load(tmp_path)
    enums = {e.name: e for e in c2.enum_type}
    for row in rows(ENUMS):
        name, values = row.split(": ")
        assert values_below_100(enums[name]) == values


def test_the_service_of_rules_never_changes(tmp_path):
    engine, pool = load(tmp_path, "engine.proto")
    service, = engine.service
    assert (engine.package, service.name) == ("pb", "C2AutomationEngine")
    methods = {m.name: m for m in service.method}
    for row in rows(RULE_ROUTES):
        name, verb, path, request, response = row.split()
        assert http_rule(pool, methods[name].options) == (verb, path)
        assert methods[name].input_type == f".pb.{request}"
        assert methods[name].output_type == f".pb.{response}"


def test_the_messages_of_rules_never_change(tmp_path):
    engine, _ = load(tmp_path, "engine.proto")
    messages = {m.name: m for m in engine.message_type}
    enums = {e.name: e for e in engine.enum_type}
    for row in rows(RULE_FIELDS):
        name, fields = (row + " ").split(":")
        assert fields_below_100(messages[name]) == fields.strip()
    for row in rows(RULE_ENUMS):
        name, values = row.split(": ")
        assert values_below_100(enums[name]) == values
