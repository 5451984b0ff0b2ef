import { CompartError } from '../../shared/errors.js';
import { feedTool, runTool, runToolSync } from '../exec.js';
import type { ToolResult } from '../tool.js';

/** The Debian package behind each tool. */
const PACKAGES = { ip: 'iproute2', tc: 'iproute2', nft: 'nftables', nsenter: 'util-linux' } as const;
export type NetworkTool = keyof typeof PACKAGES;

/** Words before a tool that has to run in other namespaces, empty for the caller's own. */
export type Enter = readonly string[];

/** What it complained of, null for nothing. @throws ERR_COMPART_UNSUPPORTED if there is no such tool */
export function complaintOf(tool: NetworkTool, lines: readonly string[], result: ToolResult): string | null {
  if (result.errno === 'ENOENT') {
    const { why, mend } = missing(tool);
    throw new CompartError('ERR_COMPART_UNSUPPORTED', why, { hint: mend });
  }
  return result.status === 0 ? null : `${tool}: ${reasonIn(lines, result.stderr)}`;
}

/** Why a tool cannot be had, and what mends it. */
export const missing = (tool: NetworkTool): { why: string; mend: string } => ({
  why: `${tool} is not installed`,
  mend: `apt-get install ${PACKAGES[tool]}`,
});

/** What the tool complains of, after the line that it complains about. */
function reasonIn(lines: readonly string[], stderr: string): string {
  const number = /Command failed -:(\d+)/.exec(stderr)?.[1] ?? /\/dev\/stdin:(\d+):/.exec(stderr)?.[1];
  const line = number === undefined ? undefined : lines[Number(number) - 1];
  const said = stderr
    .split('\n')
    .filter((text) => text.trim() !== '' && !/^Command failed|^\s*\^|^add |^delete /.test(text))
    .map((text) => text.replace(/^.*\/dev\/stdin:[\d:-]+ /, '').replace(/^RTNETLINK answers: |^Error: /, ''));
  const reason = [...new Set(said)].join('; ') || 'failed without a word';
  return line === undefined ? reason : `${line}: ${reason}`;
}

/** The program to start, and its words. */
function wordsFor(enter: Enter, tool: NetworkTool, argv: readonly string[]): [string, string[]] {
  const [first, ...words] = enter;
  return first === undefined ? [tool, [...argv]] : [first, [...words, tool, ...argv]];
}

/** Runs one of them and hands back how it ended, missing or not. */
export function tryTool(
  enter: Enter,
  tool: NetworkTool,
  argv: readonly string[],
  lines: readonly string[] = [],
): ToolResult {
  const [file, rest] = wordsFor(enter, tool, argv);
  return runToolSync(file, rest, textOf(lines));
}

/** The same while the event loop goes on. */
export function startTool(
  enter: Enter,
  tool: NetworkTool,
  argv: readonly string[],
  lines: readonly string[],
): Promise<ToolResult> {
  const [file, rest] = wordsFor(enter, tool, argv);
  return feedTool(file, rest, textOf(lines));
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

function run(enter: Enter, tool: NetworkTool, argv: readonly string[], lines: readonly string[]): void {
  const complaint = complaintOf(tool, lines, tryTool(enter, tool, argv, lines));
  if (complaint !== null) throw new CompartError('ERR_COMPART_KERNEL', complaint);
}

const inNetns = (netns: string | null): string[] => (netns === null ? [] : ['-n', netns]);

/** Words for one process of ip(8) or tc(8) that takes lines; those of tc that fail do not keep the others from being tried. */
export const argvOf = (tool: 'ip' | 'tc', netns: string | null): string[] => [
  ...inNetns(netns),
  ...(tool === 'tc' ? ['-force', '-s', '-j'] : []),
  ...['-batch', '-'],
];

/** ip(8), one process for all lines. @throws ERR_COMPART_KERNEL naming the line, ERR_COMPART_UNSUPPORTED */
export function ipBatch(enter: Enter, netns: string | null, lines: readonly string[]): void {
  run(enter, 'ip', argvOf('ip', netns), lines);
}

/** What `show` lines printed, as JSON, and what was complained of, null for nothing. */
export interface TcAnswer {
  stdout: string;
  complaint: string | null;
}

const NFT_LINES = ['-f', '/dev/stdin'];

/** nft(8): all lines or none. */
export function nftBatch(enter: Enter, lines: readonly string[]): void {
  run(enter, 'nft', NFT_LINES, lines);
}

/** The same, for lines that somebody may have left without what they are about. */
export const tryNft = (enter: Enter, lines: readonly string[]): ToolResult =>
  tryTool(enter, 'nft', NFT_LINES, lines);

/**
 * All queues of a namespace with their counters, or those of one link, as JSON; the event loop goes on meanwhile.
 * @throws ERR_COMPART_KERNEL, ERR_COMPART_UNSUPPORTED
 */
export async function showQdiscs(enter: Enter, netns: string | null, link: string | null): Promise<string> {
  const argv = [...inNetns(netns), '-s', '-j', 'qdisc', 'show', ...(link === null ? [] : ['dev', link])];
  const [file, words] = wordsFor(enter, 'tc', argv);
  // tc breaks the one document that it prints into lines.
  return (await runTool(file, words)).replaceAll('\n', '');
}
