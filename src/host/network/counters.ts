import { readKernelFile } from '../kernfs.js';

/** What a link has carried, from where the link is seen. */
export interface LinkCounters {
  rxBytes: number;
  rxPackets: number;
  rxErrors: number;
  rxDropped: number;
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
}

/** /proc/PID/net/dev by link (proc(5)). Pure. */
export function parseLinkCounters(text: string): Map<string, LinkCounters> {
  const links = new Map<string, LinkCounters>();
  for (const line of text.split('\n')) {
    const match = /^\s*([^\s:]+):\s*(.*)$/.exec(line);
    if (match?.[1] === undefined) continue;
    const numbers = (match[2] ?? '').split(/\s+/).map(Number);
    const at = (index: number): number => numbers[index] ?? 0;
    links.set(match[1], {
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txErrors: at(10),
      txDropped: at(11),
    });
  }
  return links;
}

/** The links that a process sees, by name. @param proc `/proc`, or the folder of that process in it */
export const readLinkCounters = (proc: string): Map<string, LinkCounters> =>
  parseLinkCounters(readKernelFile(`${proc}/net/dev`) ?? '');
