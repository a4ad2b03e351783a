// Two pools: reads that may be a moment old go to the copies, everything else to the primary.
import { Pool, type QueryResultRow } from "pg";

const OWN_WRITES_MS = 5_000;

export class Database {
  readonly #lastWrite = new Map<string, number>();

  constructor(
    private readonly primary: Pool,
    private readonly copies: Pool,
  ) {}

  /** Read for a user: from a copy, unless the user has just written. */
  async read<Row extends QueryResultRow>(user: string, text: string, values: unknown[]): Promise<Row[]> {
    const wrote = this.#lastWrite.get(user) ?? 0;
    const pool = Date.now() - wrote < OWN_WRITES_MS ? this.primary : this.copies;
    return (await pool.query<Row>(text, values)).rows;
  }

  /** Write for a user, in one statement. */
  async write(user: string, text: string, values: unknown[]): Promise<number> {
    this.#lastWrite.set(user, Date.now());
    return (await this.primary.query(text, values)).rowCount ?? 0;
  }
}
