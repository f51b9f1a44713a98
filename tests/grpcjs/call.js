// Calls pb.C2, or another service of the .proto given, for a test: one JSON line in
// {method, request}, one out {answer} or {code, message}.
// The method SubscribeToEventStream answers {subscribed: true} and then lines {event}.
'use strict';
const path = require('path');
const readline = require('readline');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [endpoint, caFile, token, proto, service] = process.argv.slice(2);
const api = path.join(__dirname, '..', '..', 'api');
const definition = loader.loadSync(proto || 'c2.proto', {
  includeDirs: [api], keepCase: true, longs: String, enums: String, bytes: String, defaults: true,
  arrays: true,
});
const { pb } = grpc.loadPackageDefinition(definition);
const credentials = caFile
  ? grpc.credentials.createSsl(require('fs').readFileSync(caFile))
  : grpc.credentials.createInsecure();
const client = new pb[service || 'C2'](endpoint, credentials);
const metadata = new grpc.Metadata();
if (token) metadata.set('authorization', `Bearer ${token}`);

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const failure = (e) => ({ code: e.code, message: e.details });

function subscribe(request) {
  const stream = client.SubscribeToEventStream(request, metadata);
  stream.on('metadata', () => say({ subscribed: true }));
  stream.on('data', (event) => say({ event }));
  stream.on('error', (e) => say({ end: failure(e) }));
}

function unary(method, request) {
  const deadline = Date.now() + 20000;
  client[method](request, metadata, { deadline }, (e, answer) => say(e ? failure(e) : { answer }));
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { method, request } = JSON.parse(line);
  if (method === 'SubscribeToEventStream') subscribe(request);
  else unary(method, request);
}).on('close', () => process.exit(0));
