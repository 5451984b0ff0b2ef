import { describe, expect } from '@jest/globals';
import { diskFilesOf, timed, useGuests, withGuests as it } from '../support/guests.js';
import { useNetwork } from '../support/network.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const { boot } = useGuests(sandbox);
useNetwork();

/** COMPART_SOAK: how many boots in a row; as many again, 20 at once. */
const BOOTS = Number(process.env['COMPART_SOAK'] ?? 30);
const AT_ONCE = 20;
/** A busy machine is no failure; a guest that hangs is. */
const PATIENCE_MS = 60_000 + BOOTS * 10_000;

interface Boot {
  number: number;
  right: boolean;
  ms: number;
  said: string;
}

/** One boot whose output, error output and status are its number's own. */
async function one(number: number): Promise<Boot> {
  const name = `soak-${process.pid}-${number}`;
  const flags = ['--name', name, '--mem', '64M', ...(number % 4 === 0 ? ['--swap', '16M'] : [])];
  const script = `echo out-${number}; echo err-${number} >&2; exit ${number % 100}`;
  const { answer, ms } = await timed(boot([...flags, '--', 'sh', '-c', script]));
  const { status, stdout, stderr } = answer;
  const right = status === number % 100 && stdout === `out-${number}\n` && stderr === `err-${number}\n`;
  return { number, right, ms, said: right ? '' : JSON.stringify(answer) };
}

function report(what: string, boots: readonly Boot[]): void {
  const times = boots.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  process.stderr.write(
    `${boots.length} boots ${what}: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, worst ${at(1)} ms\n`,
  );
  expect(boots.filter(({ right }) => !right)).toEqual([]);
  expect(diskFilesOf(`soak-${process.pid}`)).toEqual([]);
}

describe('boots, none of which hangs, fails or leaves anything', () => {
  it(
    `${BOOTS} in a row`,
    async () => {
      const boots: Boot[] = [];
      for (let number = 0; number < BOOTS; number += 1) boots.push(await one(number));
      report('in a row', boots);
    },
    PATIENCE_MS,
  );

  it(
    `${Math.max(AT_ONCE, BOOTS)}, ${AT_ONCE} at once`,
    async () => {
      const boots: Boot[] = [];
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < Math.max(AT_ONCE, BOOTS)) boots.push(await one(next++));
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      report(`${AT_ONCE} at once`, boots);
    },
    PATIENCE_MS,
  );
});
