import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CONTENT_TYPES, negotiate } from '../../../src/metrics/accept.js';

const PROMETHEUS_2_42 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';

describe('the format that an Accept header asks for', () => {
  it.each<[string | undefined, keyof typeof CONTENT_TYPES]>([
    [undefined, 'text'],
    ['', 'text'],
    ['*/*', 'text'],
    ['text/*', 'text'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
    [PROMETHEUS_2_42, 'openmetrics'],
    [PROMETHEUS_3, 'openmetrics'],
    ['application/openmetrics-text', 'openmetrics'],
    ['Application/OpenMetrics-Text; Version="1.0.0"', 'openmetrics'],
    ['application/*', 'openmetrics'],
    ['application/openmetrics-text;version=2.0.0', 'text'],
    ['application/openmetrics-text;version=0.0.1', 'text'],
    ['application/openmetrics-text;q=0.4, text/plain;q=0.5', 'text'],
    ['application/openmetrics-text;q=0.5, text/plain;q=0.5', 'text'],
    ['application/openmetrics-text;version=1.0.0;q=0.5, text/plain;q=0.5', 'openmetrics'],
    ['application/openmetrics-text, */*', 'openmetrics'],
    ['application/openmetrics-text;q=0, */*', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
    ['text/plain;q=0, */*', 'openmetrics'],
    ['application/openmetrics-text;q=2', 'text'],
    ['image/png', 'text'],
    ['application/openmetrics-text;x="a,b;q=0";q=0.9, text/plain;q=0.8', 'openmetrics'],
    ['/;;q=;,,,"', 'text'],
  ])('%j: %s', (accept, format) => {
    expect(negotiate(accept)).toBe(format);
  });

  it('is one of the two for any header at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ap*/;,="\\q.015 tex'.split('')) }), (accept) => {
        expect(Object.keys(CONTENT_TYPES)).toContain(negotiate(accept));
      }),
    );
  });

  it('is the one of the higher quality, in whatever order they are named', () => {
    const q = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(q, q, fc.boolean(), (one, other, first) => {
        fc.pre(one !== other);
        const ranges = [
          `application/openmetrics-text;version=1.0.0;q=${one / 1000}`,
          `text/plain;version=0.0.4;q=${other / 1000}`,
        ];
        const accept = (first ? ranges : ranges.reverse()).join(', ');
        expect(negotiate(accept)).toBe(one > other ? 'openmetrics' : 'text');
      }),
    );
  });
});
