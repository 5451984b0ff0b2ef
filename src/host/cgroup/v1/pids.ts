export { pidsV1 as pids } from '../pids.js';
