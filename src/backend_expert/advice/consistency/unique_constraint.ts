// The index decides who was first; the error of the second is an answer, not a failure.
import { ConflictException, Injectable } from "@nestjs/common";
import { Column, DataSource, Entity, Index, PrimaryGeneratedColumn, QueryFailedError } from "typeorm";

const UNIQUE_VIOLATION = "23505"; // PostgreSQL manual, appendix A

@Entity({ name: "account" })
@Index("account_email", ["email"], { unique: true })
export class Account {
  @PrimaryGeneratedColumn("uuid")
  id!: string;

  @Column("text")
  email!: string; // stored in small letters, so that the index compares what people mean
}

@Injectable()
export class Accounts {
  constructor(private readonly dataSource: DataSource) {}

  /** Open an account, or say that there is one already. No look-up before the insert: between the two somebody else may be faster. */
  async open(email: string): Promise<string> {
    try {
      const created = await this.dataSource.getRepository(Account).save({ email: email.toLowerCase() });
      return created.id;
    } catch (error) {
      if (isRefused(error, "account_email")) throw new ConflictException("there is an account with this address");
      throw error;
    }
  }
}

function isRefused(error: unknown, index: string): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  const { code, constraint } = error.driverError as { code?: string; constraint?: string };
  return code === UNIQUE_VIOLATION && constraint === index;
}
