import { Caller } from '../host/caller.js';
import { Front } from '../host/front.js';
import { Host } from '../host/host.js';
import { runLine, statusOf } from './line.js';
import { openTerminal } from './terminal.js';

function leave(status: number): void {
  if (front === null) process.exit(status);
  front.end(status);
}

const argv = process.argv.slice(2);
const front = Front.take(process.env);
const self = front === null ? [process.execPath, process.argv[1] ?? ''] : [front.path];
const terminal = openTerminal(Host.current(new Caller(), front), self);
process.on('uncaughtException', (error) => leave(statusOf(argv, terminal, error)));
void runLine(argv, terminal).then(leave);
