import { LIMIT_FIELDS } from '../compartments/limits.js';
import { own } from '../shared/own.js';

/** One flag of the command line. Without a metavar it is a switch. */
export interface Option {
  alias?: string;
  metavar?: string;
  help: string;
  repeatable?: boolean;
}

const limits: Record<string, Option> = Object.fromEntries(
  Object.entries(LIMIT_FIELDS).map(([name, { alias, metavar, help, repeatable }]) => [
    name,
    { metavar, help, ...(alias === undefined ? {} : { alias }), ...(repeatable ? { repeatable } : {}) },
  ]),
);

/** Every flag once; a verb names those it takes (verbs.ts). */
export const OPTIONS: Readonly<Record<string, Option>> = {
  ...limits,
  name: { metavar: 'NAME', help: 'name of the compartment; made up if left out' },
  label: { metavar: 'K=V', help: 'a label', repeatable: true },
  timeout: { metavar: 'DURATION', help: 'TERM, 5 s later KILL, of everything in it; status 124' },
  workdir: { alias: 'w', metavar: 'DIR', help: 'working directory of the command' },
  env: { alias: 'e', metavar: 'K=V', help: 'adds to the environment', repeatable: true },
  user: { alias: 'u', metavar: 'USER[:GROUP]', help: 'runs the command as this user' },
  root: {
    metavar: 'DIR|IMAGE|host',
    help: "root file system; a copy of the host's if left out; :rw writes through",
  },
  kernel: { metavar: 'FILE', help: 'the fastest that is installed if left out' },
  mount: { metavar: 'HOST:GUEST[:ro]', help: 'a folder of the host inside', repeatable: true },
  unmount: { metavar: 'GUEST', help: 'takes away what set --mount showed there', repeatable: true },
  disk: { metavar: 'FILE[:cow=FILE][:ro]', help: 'a block device', repeatable: true },
  hide: { metavar: 'PATH', help: 'is not there inside', repeatable: true },
  init: { metavar: 'PATH', help: "the root's own init, as /sbin/init" },
  trace: { help: 'says on stderr, at the end, where the time went' },
  detach: { alias: 'd', help: 'prints the name and returns; compart logs has the output' },
  keep: { help: 'keeps the compartment, empty, after the command ends' },
  file: { alias: 'f', metavar: 'FILE', help: 'a compart.yaml; flags win over it' },
  report: { metavar: 'FILE', help: 'writes the exit record as JSON' },
  'best-effort': { help: 'runs without the limits that cannot be enforced, naming each' },
  strict: { help: 'kills what leaves the compartment, as root inside may try' },
  json: { help: 'one JSON document' },
  level: { metavar: 'core|full', help: 'which metrics; full up to 300 compartments if left out' },
  format: { metavar: 'text|openmetrics', help: 'text if left out' },
  labels: { metavar: 'KEY,...', help: 'labels of compartments to show, at most 10' },
  out: { metavar: 'PATH', help: 'what to write' },
  size: { metavar: 'SIZE', help: 'of the file system; what is in it and a quarter more if left out' },
  suite: { metavar: 'NAME', help: "release, as bookworm; this host's own if left out" },
  include: { metavar: 'PACKAGE,...', help: 'packages besides those that make it boot', repeatable: true },
  force: { help: 'kills what runs in it, unmounts what is in use, overwrites what differs' },
  signal: { alias: 's', metavar: 'S', help: 'name or number, default KILL' },
  follow: { help: 'goes on until the command ends' },
  once: { help: 'prints the table once, as plain text, and ends' },
  interval: { metavar: 'DURATION', help: 'time between two readings, default 1s, at least 100ms' },
  sort: {
    metavar: 'COLUMN',
    help: 'what to order by, default cpu: name, mem, throttled, rx, tx, psi, pids and others',
  },
  filter: { metavar: 'TEXT', help: 'only compartments with this in their name or in a label (K=V)' },
  listen: { metavar: '[IP:]PORT', help: 'where to listen, default 127.0.0.1:9750' },
  'token-file': { metavar: 'FILE', help: 'callers must know the token in it (mode 0600)' },
  'tls-cert': { metavar: 'FILE', help: 'certificate, PEM; with --tls-key' },
  'tls-key': { metavar: 'FILE', help: 'its key, PEM (mode 0600)' },
  warm: { help: 'also plan for run, exec and boot of this user, as compart warm does' },
  'allow-control': { help: 'the page may also freeze, kill and set; wants --token-file' },
  source: {
    metavar: 'PATH',
    help: 'a tree or a tarball of Linux; /usr/src/linux-source-*.tar.* if left out',
  },
  idle: { metavar: 'DURATION', help: 'ends after so long without a caller, default 15m' },
  guests: {
    metavar: 'N',
    help: 'guests that are booted ahead, frozen, for boot with the same flags; 0 for none',
  },
  stacks: {
    metavar: 'N',
    help: 'network stacks that are made ahead, for run and boot with the same --net; 0 for none',
  },
  foreground: { help: 'does not go into the background' },
  status: { help: 'says whether a service runs; status 1 if none does' },
  stop: { help: 'ends it, once the commands that it planned for have ended' },
  help: { alias: 'h', help: 'this page' },
};

/** What `set` takes; the others take all that make sense for a new compartment. */
export const SET_FLAGS: readonly string[] = Object.keys(LIMIT_FIELDS);
export const LIMIT_FLAGS: readonly string[] = SET_FLAGS.filter((flag) => !LIMIT_FIELDS[flag]?.onlySet);

/** Of `boot`: limits, and what else makes a guest. */
export const BOOT_FLAGS: readonly string[] = [
  ...LIMIT_FLAGS,
  ...['root', 'kernel', 'mount', 'disk', 'hide', 'init'],
];
/** Of `boot`: what is decided before the command is known. */
export const AHEAD_FLAGS: readonly string[] = [...BOOT_FLAGS, 'best-effort'];

/** What is said of a network stack. */
export const STACK_FLAGS: readonly string[] = ['net', 'publish', 'allow', 'delay', 'loss'];

/** As whom, where and with which environment a command runs. */
export const IDENTITY: readonly string[] = ['workdir', 'env', 'user'];

/** A flag as this verb has it. */
export const optionOf = (
  verb: { own?: Readonly<Record<string, Option>> },
  flag: string,
): Option | undefined => own(verb.own ?? {}, flag) ?? own(OPTIONS, flag);
