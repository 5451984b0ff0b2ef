import { createServer } from 'node:net';
import { describe, expect } from '@jest/globals';
import { asRootOnly } from '../support/guest-callers.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const TRY_ALL = `
import socket, sys
port = int(sys.argv[1])
for to in sys.argv[2:]:
    try:
        socket.create_connection((to, port), 2).close()
        print('reached', to)
    except OSError:
        pass
`;

describe('a guest with --net', () => {
  asRootOnly(
    sandbox,
    'reaches no service of the host that listens on its loopback: not by 127.0.0.1, the gateway, host.compart.internal or a route of its own',
    async ({ boot }) => {
      let came = 0;
      const server = createServer((socket) => {
        came += 1;
        socket.destroy();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      const port = typeof address === 'object' ? String(address?.port) : '';
      try {
        const script = `gw=$(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p')
          [ -n "$gw" ] && echo routed
          python3 -c "$CODE" ${port} 127.0.0.1 $gw host.compart.internal
          ip link set lo down; ip route add 127.0.0.0/8 via $gw dev eth0 2> /dev/null; sysctl -qw net.ipv4.conf.all.route_localnet=1
          python3 -c "$CODE" ${port} 127.0.0.1 127.0.0.2; true`;
        const { status, stdout } = await boot(['--net', 'max', '--env', `CODE=${TRY_ALL}`], script);
        expect({ status, stdout }).toEqual({ status: 0, stdout: 'routed\n' });
        expect(came).toBe(0);
      } finally {
        server.close();
      }
    },
    ['nft', 'ip', 'python3'],
  );
});
