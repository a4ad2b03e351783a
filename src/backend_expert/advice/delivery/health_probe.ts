// Two questions, two answers: /live is about the process alone, /ready about what no request can do without.
import { Controller, Get, HttpCode, type OnApplicationShutdown, ServiceUnavailableException } from "@nestjs/common";
import { Pool } from "pg";

const pool = new Pool({ max: 10, connectionTimeoutMillis: 200, query_timeout: 200 });

@Controller()
export class Health implements OnApplicationShutdown {
  private stopping = false;

  @Get("live")
  @HttpCode(204)
  live(): void {
    // Nothing to ask: that this line runs is the answer. A dead database must not restart every instance.
  }

  @Get("ready")
  @HttpCode(204)
  async ready(): Promise<void> {
    if (this.stopping) throw new ServiceUnavailableException("stopping");
    try {
      await pool.query("SELECT 1");
    } catch {
      throw new ServiceUnavailableException("no database connection within 200 ms");
    }
  }

  onApplicationShutdown(): void {
    this.stopping = true;
  }
}
