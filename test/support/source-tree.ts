import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TreeOptions {
  version?: string;
  /** Seconds that each of the 40 objects takes. */
  pace?: number;
  /** An option that comes out off, whatever was asked. */
  stubborn?: string;
  /** An option that no Kconfig of the tree has; it comes out off, too. */
  unknown?: string;
  /** The object that does not compile. */
  broken?: number;
}

const OBJECTS = 40;

/**
 * A tree that is built like Linux (the same targets, the same lines) and takes a second instead of ten minutes: for all
 * that happens around make.
 */
export function makeSourceTree(dir: string, options: TreeOptions = {}): string {
  const { version = '6.99.1', pace = 0, stubborn = 'NONE', unknown = 'NONE', broken = 0 } = options;
  const [major = '', minor = '', sub = ''] = version.split('.');
  mkdirSync(dir, { recursive: true });
  writeFileSync(
    join(dir, 'Makefile'),
    `VERSION = ${major}
PATCHLEVEL = ${minor}
SUBLEVEL = ${sub}
EXTRAVERSION =
OBJECTS = $(shell seq 1 ${OBJECTS})
mrproper:
	@rm -f *.o linux .config
allnoconfig:
	@grep ^CONFIG $(KCONFIG_ALLCONFIG) | grep -v '^CONFIG_${stubborn}=\\|^CONFIG_${unknown}=' > .config
linux: $(OBJECTS:%=%.o)
	@echo '  LD      linux'
	@printf 'int main(void) { return 0; }' | gcc -g -x c -o linux -
%.o:
	@echo '  CC      $@'
	@sleep ${pace}
	@test $* != ${broken} || { echo 'mm/$*.c:12: error: too few of them'; exit 1; }
	@touch $@
`,
  );
  writeFileSync(join(dir, 'Kconfig'), `config ${stubborn}\n\tbool\n`);
  // As later ones: without the patch it would be passed over on a CPU with AMX.
  const registers = join(dir, 'arch/x86/um/os-Linux');
  mkdirSync(registers, { recursive: true });
  writeFileSync(join(registers, 'registers.c'), 'unsigned long host_fp_size;\n');
  return dir;
}
