import { watch, type FSWatcher } from 'node:fs';
import { afterEach } from '@jest/globals';

/** A file that inotify(7) watches, until the end of the test. */
export interface Told {
  /** How often it was told that the file has changed. */
  count: number;
}

/** Watches files, also those of cgroupfs: the kernel tells of an event, and whoever writes to one is seen. */
export function useTold(): (file: string) => Told {
  const watchers: FSWatcher[] = [];
  afterEach(() => watchers.splice(0).forEach((watcher) => watcher.close()));
  return (file) => {
    const told = { count: 0 };
    watchers.push(watch(file, () => (told.count += 1)));
    return told;
  };
}
