import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { LENT_ADDRESS, LENT_ADDRESS6, withLentHost, type LentHost } from '../support/lent-host.js';
import { NAME_SERVER } from '../support/name-server.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const it = requires('root', 'ip', 'tc', 'nft', 'nsenter', 'unshare', 'python3');
const withNginx = requires('root', 'ip', 'tc', 'nft', 'nsenter', 'unshare', 'python3', 'nginx');
const withHost = (use: (host: LentHost) => Promise<void>, options = {}): Promise<void> =>
  withLentHost(sandbox.current, use, options);

/** Prints what came over HTTP, or why nothing did, for each address that is named. */
const FETCH = `
import socket, sys, urllib.request, urllib.error
for url in sys.argv[1:]:
    try: print(urllib.request.urlopen(url, timeout=2).read().decode().strip())
    except urllib.error.URLError as error: print(getattr(error.reason, "strerror", None) or error.reason)
    except OSError as error: print(error.strerror or error)
`;
const fetching = (...urls: string[]): string[] => ['python3', '-c', FETCH, ...urls];
const lines = ({ stdout }: { stdout: string }): string[] => stdout.trim().split('\n');

/** nginx in the foreground, all of it in a folder of the test, answering "from NAME". */
function nginx(name: string): string[] {
  const dir = `${sandbox.current.dir}/${name}`;
  mkdirSync(dir);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (each) => `${each}_temp_path ${dir}/${each};`,
  );
  writeFileSync(
    `${dir}/nginx.conf`,
    `user root; daemon off; pid ${dir}/pid; error_log stderr; events {}
http { access_log off; ${temporary.join(' ')}
  server { listen 80; listen [::]:80; location / { default_type text/plain; return 200 "from ${name}"; } } }
`,
  );
  return ['nginx', '-e', 'stderr', '-c', `${dir}/nginx.conf`];
}

/** Says "ready", then answers each datagram with itself and where it was sent to by whom. */
const UDP_ECHO = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], int(sys.argv[2]))); print("ready", flush=True)
while True:
    text, peer = s.recvfrom(65536); s.sendto(b"echo " + text, peer)
`;
const UDP_ASK = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.connect((sys.argv[1], int(sys.argv[2])))
try: s.send(sys.argv[3].encode()); print(s.recv(65536).decode())
except OSError as error: print(error.strerror or error)
`;

describe('who reaches whom', () => {
  withNginx(
    'a published nginx is reached over IPv4 and IPv6, by its peers by name, by no stranger, and gone with its end',
    () =>
      withHost(async (host) => {
        const file = `${sandbox.current.dir}/compart.yaml`;
        writeFileSync(
          file,
          `compartments:
  web: {net: max, publish: ["8080:80", "[::1]:8080:80"], command: ${JSON.stringify(nginx('web'))}}
  peer: {net: 10mbit, command: [sleep, "60"]}
`,
        );
        expect(await host.compart('up', '-f', file)).toMatchObject({ status: 0, stderr: '' });
        await host.compart('run', '-d', '--name', 'stranger', '--net', 'max', '--', 'sleep', '60');
        const outside = fetching('http://127.0.0.1:8080/', 'http://[::1]:8080/');
        await until('nginx answers', async () => lines(await host.run(outside))[0] === 'from web');
        expect(lines(await host.run(outside))).toEqual(['from web', 'from web']);

        expect(lines(await host.compart('exec', 'peer', '--', ...fetching('http://web/')))).toEqual([
          'from web',
        ]);
        const { stdout } = await host.compart('exec', 'web', '--', 'ip', '-json', 'addr', 'show', 'eth0');
        const [link] = JSON.parse(stdout) as Array<{ addr_info: Array<{ local: string; scope: string }> }>;
        const [four, six] = link?.addr_info.map(({ local }) => local) ?? [];
        const direct = fetching(`http://${four}/`, `http://[${six}]/`);
        expect(lines(await host.compart('exec', 'peer', '--', ...direct))).toEqual(['from web', 'from web']);
        const refused = lines(
          await host.compart('exec', 'stranger', '--', ...direct, 'http://web/', 'http://peer/'),
        );
        expect(refused.slice(0, 2)).toEqual(['No route to host', 'Connection refused']);
        for (const unknown of refused.slice(2)) expect(unknown).toMatch(/name/i);
        // The host itself reaches the stack, and what is published only by 127.0.0.1 nobody else does.
        expect(lines(await host.run(fetching(`http://${four}/`, `http://${LENT_ADDRESS}:8080/`)))).toEqual([
          'from web',
          'Connection refused',
        ]);

        await host.compart('kill', 'web');
        await until('web is gone', async () => (await host.compart('inspect', 'web')).status === 125);
        expect(lines(await host.run(outside))).toEqual(['Connection refused', 'Connection refused']);
        expect((await host.compart('exec', 'peer', '--', 'grep', 'web', '/etc/hosts')).stdout).toBe('');
        await host.compart('rm', '--force', 'stranger');
        expect((await host.compart('down', '-f', file)).status).toBe(0);
      }),
  );

  it('host.compart.internal is the host; what listens on the loopback of the host only is not to be had', () =>
    withHost(async (host) => {
      const http = (address: string, port: number): string[] => [
        ...[
          'python3',
          '-u',
          '-c',
          'import http.server,sys,socket; A=sys.argv[1]; h=http.server.ThreadingHTTPServer; h.address_family=socket.AF_INET6 if ":" in A else socket.AF_INET; s=h((A,int(sys.argv[2])), type("H",(http.server.BaseHTTPRequestHandler,),{"do_GET":lambda r:(r.send_response(200),r.end_headers(),r.wfile.write(b"host")) and None,"log_message":lambda *a:None})); print("ready"); s.serve_forever()',
        ],
        ...[address, String(port)],
      ];
      await host.serve(http('0.0.0.0', 8001));
      await host.serve(http('::', 8004));
      await host.serve(http('127.0.0.1', 8002));
      await host.serve(http('::1', 8003));
      const urls = [
        'host.compart.internal:8001',
        `${LENT_ADDRESS}:8001`,
        `[${LENT_ADDRESS6}]:8004`,
        'host.compart.internal:8002',
        '127.0.0.1:8002',
        '[::1]:8003',
      ];
      const inside = await host.compart(
        'run',
        '--net',
        '10mbit',
        '--',
        ...fetching(...urls.map((url) => `http://${url}/`)),
      );
      expect(lines(inside)).toEqual(['host', 'host', 'host', ...Array<string>(3).fill('Connection refused')]);
    }));

  it('a datagram port is published as well, and taken back while the rest runs', () =>
    withHost(async (host) => {
      const server = ['python3', '-c', UDP_ECHO, '0.0.0.0', '53'];
      await host.compart(
        'run',
        '-d',
        '--name',
        'dns',
        '--net',
        '10mbit',
        '-p',
        '5353:53/udp',
        '--',
        ...server,
      );
      const ask = async (): Promise<string> =>
        (await host.run(['python3', '-c', UDP_ASK, '127.0.0.1', '5353', 'hello'])).stdout.trim();
      await until('it answers', async () => (await ask()) === 'echo hello');
      expect((await host.compart('set', 'dns', '--unpublish', '5353/udp')).status).toBe(0);
      expect(await ask()).toBe('Connection refused');
      expect((await host.compart('rm', '--force', 'dns')).status).toBe(0);
    }));
});

describe('names', () => {
  it.each(['127.0.0.53', '127.0.0.1'])('are looked up inside by a name server on the host’s %s', (address) =>
    withHost(
      async (host) => {
        await host.serve(['python3', '-c', NAME_SERVER, address]);
        const script = 'import socket; print(socket.gethostbyname("some.example"))';
        const looked = await host.compart('run', '--net', '10mbit', '--', 'python3', '-c', script);
        expect(looked).toEqual({ status: 0, stdout: '203.0.113.9\n', stderr: '' });
        // Another stack, or somebody else, is not served at that address.
        const none = await host.compart(
          'run',
          '--net',
          '10mbit',
          '--allow',
          '192.0.2.0/24',
          '--',
          'python3',
          '-c',
          script,
        );
        expect(none.status).toBe(1);
      },
      { resolver: `search lan\nnameserver ${address}\noptions edns0\n` },
    ),
  );

  it('and resolv.conf are readable to --user inside also under a umask of 077', () =>
    withHost(async (host) => {
      const script = `umask 077; exec ${COMPART} run --net 10mbit --user nobody -- cat /etc/hosts /etc/resolv.conf`;
      const read = await host.run(['sh', '-c', script]);
      expect(read).toMatchObject({ status: 0, stderr: '' });
      expect(read.stdout).toContain('nameserver 192.0.2.53');
      expect(read.stdout).toContain('host.compart.internal');
    }));
});
