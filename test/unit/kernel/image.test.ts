import { describe, expect, it } from '@jest/globals';
import { packagesOf } from '../../../src/kernel/rootfs/image.js';

const ANY = ['dbus', 'udev', 'iproute2', 'procps'];

describe('packagesOf', () => {
  it.each<[string[], string[]]>([
    [[], ['systemd-sysv', ...ANY]],
    [
      ['vim', 'openrc'],
      ['systemd-sysv', ...ANY, 'vim', 'openrc'],
    ],
    [
      ['openrc', 'sysvinit-core'],
      [...ANY, 'openrc', 'sysvinit-core'],
    ],
    [['runit-init'], [...ANY, 'runit-init']],
  ])('has one init and what was asked for: %j', (include, packages) => {
    expect(packagesOf(include)).toEqual(packages);
  });
});
