/** The open records of attempts that no budget bounds, and how many there are. */
import type { Metrics } from "../metrics.ts";
import type { Log, OpenJournal, OpenRecord } from "../ports.ts";

export interface OpenRecordsDeps {
  readonly journal: OpenJournal;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "openRecords" | "journalFailures">;
}

export class OpenRecords {
  readonly #deps: OpenRecordsDeps;

  constructor(deps: OpenRecordsDeps) {
    this.#deps = deps;
  }

  /** Those of the last process; they count until they are marked. */
  async orphans(): Promise<readonly OpenRecord[]> {
    const orphans = await this.#deps.journal.orphans();
    this.#deps.metrics.openRecords += orphans.length;
    return orphans;
  }

  /** False when it could not be written. */
  add(record: OpenRecord): Promise<boolean> {
    return this.#deps.journal.open(record).then(this.#opened, this.#failed);
  }

  readonly #opened = (): boolean => {
    this.#deps.metrics.openRecords++;
    return true;
  };

  readonly #failed = (error: unknown): boolean => {
    const { metrics, log } = this.#deps;
    metrics.journalFailures++;
    log.error({ err: error }, "open record could not be written");
    return false;
  };

  /** Its settlement is on disk, or the attempt was not made. */
  mark(attemptId: string): void {
    this.#deps.journal.settle(attemptId);
    this.#deps.metrics.openRecords--;
  }
}
