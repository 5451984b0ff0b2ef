import { describe, expect, it } from '@jest/globals';
import { kernelPlaces } from '../../../src/kernel/uml/places.js';

const HOME = '/home/ann';
const EVERYBODY = '/usr/local/lib/compart/kernels';
const OWN = '/home/ann/.local/share/compart/kernels';

describe('where kernels are', () => {
  it.each([
    ['of an ordinary user', 1000, { HOME }, [OWN, EVERYBODY], OWN, '/home/ann/.cache/compart'],
    [
      'of root',
      0,
      { HOME: '/root' },
      ['/root/.local/share/compart/kernels', EVERYBODY],
      EVERYBODY,
      '/var/cache/compart',
    ],
    [
      'with XDG variables',
      1000,
      { HOME, XDG_DATA_HOME: '/d', XDG_CACHE_HOME: '/c' },
      ['/d/compart/kernels', EVERYBODY],
      '/d/compart/kernels',
      '/c/compart',
    ],
    [
      'with COMPART_KERNELS',
      0,
      { HOME, COMPART_KERNELS: '/k' },
      ['/k', OWN, EVERYBODY],
      '/k',
      '/var/cache/compart',
    ],
    ['without a home', 1000, {}, [EVERYBODY], null, null],
  ])('%s', (_, uid, env, installed, target, cache) => {
    expect(kernelPlaces(uid, env)).toMatchObject({ installed, target, cache });
  });
});
