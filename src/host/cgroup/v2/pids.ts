export { pidsV2 as pids } from '../pids.js';
