/** Scripts of visitors who mean no good, and one of those who do; JavaScript. */
export const HOSTILE: Readonly<Record<string, string>> = {
  'fork bomb': `const { spawn } = require('child_process'); process.on('uncaughtException', () => {});
    for (;;) try { spawn('sh', ['-c', ':(){ :|:& };:']).on('error', () => {}); } catch {}`,
  'memory hog': 'const held = []; for (;;) held.push(Buffer.alloc(1 << 20, 1));',
  'busy loop': 'for (;;);',
  'output flood': `const { writeSync } = require('fs'); for (;;) writeSync(1, 'x'.repeat(65536));`,
  'network attempts': `const net = require('net'); let left = 20; for (let n = 0; n < 20; n += 1)
    net.connect(80, '1.1.1.' + n).on('error', (e) => { if (--left === 0) console.log(e.code); });`,
  'kill everything': `for (let pid = 2; pid < 70000; pid += 1) try { process.kill(pid, 'SIGKILL'); } catch {}`,
};

export const FRIENDLY = 'console.log(6 * 7)';
