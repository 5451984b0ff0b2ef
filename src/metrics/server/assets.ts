import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { CompartError } from '../../shared/errors.js';
import { send } from './answer.js';

/** One file of the page, read at the start and served from memory. */
export interface Asset {
  type: string;
  body: Buffer;
  etag: string;
}

/** All there is of the page, by path: nothing else of the disk can be asked for. */
const FILES: Readonly<Record<string, [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
};

/** Reads the page. @throws ERR_COMPART_INTERNAL where it was not built */
export function readAssets(): Map<string, Asset> {
  // Beside the bundle when installed, in dist/ when the library or the source runs.
  const places = ['../page/', '../../../page/', '../../../dist/page/'].map((up) =>
    fileURLToPath(new URL(up, import.meta.url)),
  );
  const folder = places.find((path) => existsSync(`${path}index.html`));
  if (folder === undefined)
    throw new CompartError('ERR_COMPART_INTERNAL', 'the live page is not built', {
      hint: 'npm run build:bin',
    });
  return new Map(
    Object.entries(FILES).map(([path, [file, type]]) => {
      const body = readFileSync(`${folder}${file}`);
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      return [path, { type, body, etag }];
    }),
  );
}

export function sendAsset(request: IncomingMessage, response: ServerResponse, asset: Asset): void {
  response.setHeader('cache-control', 'no-cache');
  response.setHeader('etag', asset.etag);
  const known = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim());
  if (known.includes(asset.etag)) response.writeHead(304).end();
  else send(response, 200, asset.type, asset.body);
}
