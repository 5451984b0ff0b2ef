import { diagnose, type Diagnosis } from '../compartments/doctor.js';
import { sweepAll, type Swept } from '../compartments/gc.js';
import { diagnoseGuests, type GuestDiagnosis } from '../kernel/doctor.js';
import { History, type ExitRecord } from '../state/history.js';
import { Store } from '../state/store.js';
import { home } from './home.js';

/** What this host can enforce, by which driver, and what would mend the rest; `compart doctor --json`. Changes nothing. */
export function doctor(): Diagnosis & { guests: GuestDiagnosis } {
  return { ...diagnose(home.host), guests: diagnoseGuests(home.host) };
}

/** The last 1,000 exit records of this user, the oldest first; `compart history --json`. */
export function history(): ExitRecord[] {
  return new History(home.host.paths.state).list();
}

/** Removes what crashes have left behind, and touches nothing that is alive; `compart gc`. */
export async function gc(): Promise<Swept> {
  return sweepAll(home.host, new Store(home.host.paths.state));
}
