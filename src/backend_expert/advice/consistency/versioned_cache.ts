// The entry carries the version of the row; an older value never takes the place of a newer one.
import { Injectable } from "@nestjs/common";
import { Redis } from "ioredis";
import { DataSource } from "typeorm";

const EXPIRY_S = 300;
// Compared and stored in one step: between a GET and a SET somebody else could put a newer value.
const PUT_IF_NEWER = `
  local known = redis.call('HGET', KEYS[1], 'version')
  if known and tonumber(known) >= tonumber(ARGV[1]) then return 0 end
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'body', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  return 1`;

interface Row {
  name: string;
  version: number;
}

@Injectable()
export class Products {
  constructor(
    private readonly redis: Redis,
    private readonly dataSource: DataSource,
  ) {}

  /** Return a product, from the cache when it is there. */
  async read(id: string): Promise<Row | null> {
    const cached = await this.redis.hget(key(id), "body");
    if (cached !== null) return JSON.parse(cached) as Row;
    const rows: Row[] = await this.dataSource.query("SELECT name, version FROM product WHERE id = $1", [id]);
    const row = rows[0] ?? null;
    if (row !== null) await this.put(id, row);
    return row;
  }

  /** Rename a product; the entry is replaced after the commit, by this version or a newer one. */
  async rename(id: string, name: string): Promise<void> {
    const [rows]: [Row[], number] = await this.dataSource.query(
      "UPDATE product SET name = $2, version = version + 1 WHERE id = $1 RETURNING name, version",
      [id, name],
    );
    const row = rows[0];
    if (row !== undefined) await this.put(id, row);
  }

  private async put(id: string, row: Row): Promise<void> {
    await this.redis.eval(PUT_IF_NEWER, 1, key(id), row.version, JSON.stringify(row), EXPIRY_S);
  }
}

const key = (id: string): string => `product:${id}`;
