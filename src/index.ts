/** compart as a library. Importing it does nothing; the list of exports is pinned by a test. */
export { CompartError, ERROR_CODES, type ErrorCode } from './shared/errors.js';
export { Host, type HostPaths } from './host/host.js';
export type { ExitStatus } from './host/launched.js';
export type { CpuStats, IoStats, MemoryStats, PidsStats } from './host/cgroup/driver.js';
export { attachProcesses, type Attached } from './compartments/attach.js';
export { openCompartment, type Compartment } from './compartments/compartment.js';
export { diagnose, type Diagnosis } from './compartments/doctor.js';
export { watchEvents, type CompartmentEvent } from './compartments/events.js';
export type { RunResult } from './compartments/finish.js';
export {
  inspectCompartment,
  listCompartments,
  type CompartmentState,
  type Inspection,
} from './compartments/inspect.js';
export { parseLimits, type Limits, type LimitTexts } from './compartments/limits.js';
export { loadSubsystem, type LoadRequest } from './compartments/load.js';
export { removeCompartment } from './compartments/remove.js';
export { startDetached, startRun, type Run, type RunRequest } from './compartments/run.js';
export { sweepAll, type Swept } from './compartments/gc.js';
export { unloadSubsystem } from './compartments/unload.js';
export { updateLimits } from './compartments/update.js';
export { registerCompartCollector, type CollectorOptions } from './metrics/registry.js';
export { History, type ExitRecord, type Verdict } from './state/history.js';
export { Store } from './state/store.js';
