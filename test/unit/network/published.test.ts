import { describe, expect, it } from '@jest/globals';
import { parsePublish, parseUnpublish, type Published } from '../../../src/compartments/net/limits.js';
import { publishedOf } from '../../../src/compartments/net/published.js';
import { said } from '../units/wrong.js';

const ports = (...texts: string[]): Published[] => texts.map(parsePublish);
const taken = (...texts: string[]) => texts.map(parseUnpublish);

describe('the ports that are published', () => {
  it('are those before, without what is taken back, and with what is added', () => {
    expect(
      publishedOf(ports('80:80', '53:53/udp'), { publish: ports('81:80'), unpublish: taken('80') }),
    ).toEqual(ports('53:53/udp', '81:80'));
    expect(publishedOf([], {})).toEqual([]);
  });

  it('may be led elsewhere in one step', () => {
    expect(publishedOf(ports('80:80'), { publish: ports('80:8080'), unpublish: taken('80') })).toEqual(
      ports('80:8080'),
    );
  });

  it('are told apart by address and protocol', () => {
    const all = ['80:80', '80:80/udp', '0.0.0.0:80:80', '[::1]:80:80'];
    expect(publishedOf([], { publish: ports(...all) })).toHaveLength(4);
    expect(publishedOf(ports(...all), { unpublish: taken('80/udp') })).toEqual(
      ports('80:80', '0.0.0.0:80:80', '[::1]:80:80'),
    );
  });

  it('are there once: a second time is refused, in one go and later, also for another port inside', () => {
    const refusal = {
      code: 'ERR_COMPART_USAGE',
      message: '--publish: 127.0.0.1:80:81 is published already',
      hint: 'once is enough',
    };
    expect(said(() => publishedOf(ports('80:80'), { publish: ports('80:81') }))).toEqual(refusal);
    expect(said(() => publishedOf([], { publish: ports('80:80', '80:81') }))).toEqual(refusal);
  });

  it('that are not there cannot be taken back, and the hint says which are', () => {
    expect(said(() => publishedOf(ports('80:80', '[::1]:81:1/udp'), { unpublish: taken('82') }))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message: '--unpublish: 127.0.0.1:82 is not published',
      hint: 'published: 127.0.0.1:80:80, [::1]:81:1/udp',
    });
    expect(said(() => publishedOf([], { unpublish: taken('82') })).hint).toBe('published: none');
  });
});
