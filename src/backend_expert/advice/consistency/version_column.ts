// The reader is given the version; who writes must name it, and is told when somebody else was faster.
import { Body, Controller, Get, Header, Headers, HttpException, HttpStatus, NotFoundException, Param, Put } from "@nestjs/common";
import { Column, DataSource, Entity, PrimaryColumn, VersionColumn } from "typeorm";

@Entity()
export class Profile {
  @PrimaryColumn("uuid")
  id!: string;

  @Column("text")
  address!: string;

  @VersionColumn()
  version!: number;
}

@Controller("profiles")
export class Profiles {
  constructor(private readonly dataSource: DataSource) {}

  @Get(":id")
  @Header("Cache-Control", "no-cache")
  async read(@Param("id") id: string): Promise<{ address: string; etag: string }> {
    const found = await this.dataSource.getRepository(Profile).findOneBy({ id });
    if (found === null) throw new NotFoundException();
    return { address: found.address, etag: `"${found.version}"` };
  }

  @Put(":id")
  async write(@Param("id") id: string, @Headers("if-match") ifMatch: string | undefined, @Body() body: { address: string }): Promise<void> {
    const seen = /^"(\d+)"$/.exec(ifMatch ?? "")?.[1];
    if (seen === undefined) throw new HttpException("send If-Match with the version that you read", HttpStatus.PRECONDITION_REQUIRED);
    const changed = await this.dataSource
      .createQueryBuilder()
      .update(Profile)
      .set({ address: body.address })
      .where("id = :id AND version = :seen", { id, seen: Number(seen) })
      .execute(); // TypeORM counts the version up in the same statement
    if (changed.affected !== 1) throw new HttpException("changed meanwhile: read it again", HttpStatus.PRECONDITION_FAILED);
  }
}
