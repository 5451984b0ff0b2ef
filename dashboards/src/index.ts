import { compartmentDashboard } from './compartment.js';
import { exporterDashboard } from './exporter.js';
import { guestDashboard } from './guest.js';
import { networkDashboard } from './network.js';
import { overviewDashboard } from './overview.js';

/** The dashboards as they are committed: the name of each file and its text. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  const boards = {
    'overview.json': overviewDashboard(),
    'compartment.json': compartmentDashboard(),
    'network.json': networkDashboard(),
    'guest.json': guestDashboard(),
    'exporter.json': exporterDashboard(),
  };
  return new Map(Object.entries(boards).map(([file, board]) => [file, textOf(board.build())]));
}

/** JSON with its keys in order, so that a rebuild differs only where a dashboard does. */
function textOf(board: unknown): string {
  const inOrder = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return `${JSON.stringify(board, inOrder, 2)}\n`;
}
