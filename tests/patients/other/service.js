// A small Node.js service: keeps every order (leaking) or forgets it, and
// tells its heap, after a collection, as Prometheus text.
// node --expose-gc service.js PORT
'use strict';
const http = require('http');

const leaking = (process.env.PATIENT_TWIN || 'leaking') === 'leaking';
const history = [];

function order() {
  const kept = {sku: 'sku-' + Math.random(), lines: new Array(100).fill(1.5)};
  if (leaking) history.push(kept);
  return kept.sku;
}

function metrics() {
  global.gc();
  return 'node_heap_used_bytes ' + process.memoryUsage().heapUsed + '\n';
}

http.createServer((request, response) => {
  const path = request.url.split('?')[0];
  request.resume();
  if (path === '/work') {
    response.writeHead(201, {'Content-Type': 'application/json'});
    response.end(JSON.stringify({sku: order()}));
  } else if (path === '/metrics') {
    response.end(metrics());
  } else {
    response.end('ok\n');
  }
}).listen(Number(process.argv[2]), '127.0.0.1');
