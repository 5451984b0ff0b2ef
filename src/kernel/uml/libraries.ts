import { closeSync, existsSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

/** A program header of elf(5). */
interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;

/** Where ld.so(8) looks without being told. */
const PLACES = ['/lib64', '/usr/lib64', '/lib', '/usr/lib'];

class ElfFile {
  readonly #fd: number;
  readonly #segments: Segment[];

  constructor(fd: number) {
    this.#fd = fd;
    const header = this.#read(0, HEADER_BYTES);
    const is64 = header.toString('latin1', 0, 4) === '\x7fELF' && header[4] === 2 && header[5] === 1;
    const count = is64 ? header.readUInt16LE(56) : 0;
    const table = this.#read(Number(is64 ? header.readBigUInt64LE(32) : 0), count * SEGMENT_BYTES);
    this.#segments = Array.from({ length: count }, (_, index) => {
      const at = index * SEGMENT_BYTES;
      return {
        type: table.readUInt32LE(at),
        offset: Number(table.readBigUInt64LE(at + 8)),
        address: Number(table.readBigUInt64LE(at + 16)),
        size: Number(table.readBigUInt64LE(at + 32)),
      };
    });
  }

  /** Its program interpreter, or null for a static program and a library. */
  get interpreter(): string | null {
    const segment = this.#segments.find(({ type }) => type === PT_INTERP);
    return segment === undefined ? null : this.#textAt(segment.offset);
  }

  /** The names of the libraries that it wants. */
  get needed(): string[] {
    const dynamic = this.#segments.find(({ type }) => type === PT_DYNAMIC);
    if (dynamic === undefined) return [];
    const table = this.#read(dynamic.offset, dynamic.size);
    const entries = Array.from({ length: dynamic.size / 16 }, (_, index) => ({
      tag: table.readBigInt64LE(index * 16),
      value: Number(table.readBigUInt64LE(index * 16 + 8)),
    }));
    const strings = this.#offsetOf(entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0);
    return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => this.#textAt(strings + value));
  }

  #offsetOf(address: number): number {
    const holds = ({ type, address: from, size }: Segment): boolean =>
      type === PT_LOAD && from <= address && address < from + size;
    const segment = this.#segments.find(holds);
    return segment === undefined ? 0 : segment.offset + address - segment.address;
  }

  #textAt(offset: number): string {
    const bytes = this.#read(offset, 256);
    return bytes.toString('utf8', 0, bytes.indexOf(0));
  }

  #read(offset: number, size: number): Buffer {
    const buffer = Buffer.alloc(size);
    readSync(this.#fd, buffer, 0, size, offset);
    return buffer;
  }
}

function withElf<T>(path: string, use: (file: ElfFile) => T): T {
  const fd = openSync(path, 'r');
  try {
    return use(new ElfFile(fd));
  } finally {
    closeSync(fd);
  }
}

/**
 * All files that a dynamic program needs to start besides itself (elf(5), ld.so(8)): its interpreter and its libraries,
 * each under the path at which it has to be found. Empty for a static one, and for what is no ELF file of 64 bits.
 * A library that is nowhere is left out: ld.so says so better.
 */
export function librariesOf(program: string): string[] {
  const interpreter = withElf(program, (file) => file.interpreter);
  if (interpreter === null || !existsSync(interpreter)) return [];
  const places = [dirname(realpathSync(interpreter)), ...PLACES];
  const found = new Set([interpreter]);
  const look = (path: string): void => {
    for (const name of withElf(path, (file) => file.needed)) {
      const library = places.map((place) => `${place}/${name}`).find((each) => existsSync(each));
      if (library === undefined || found.has(library) || interpreter.endsWith(`/${name}`)) continue;
      found.add(library);
      look(library);
    }
  };
  look(program);
  return [...found];
}
