"""Folders of migrations, as each tool writes them, end in the schema that the tool would have made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.lab.planner.binaries import find_binaries
from backend_expert.lab.planner.embedded import embedded_sql
from backend_expert.lab.planner.errors import InputError
from backend_expert.lab.planner.laboratory import opened
from backend_expert.lab.planner.migrations import MOST_FILES, read_schema_at
from backend_expert.lab.planner.server import Server

PRISMA = {
    "20240101000000_init/migration.sql": """-- CreateEnum
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
-- CreateTable
CREATE TABLE "User" ("id" SERIAL NOT NULL, "role" "Role" NOT NULL DEFAULT 'USER', CONSTRAINT "User_pkey" PRIMARY KEY ("id"));""",
    "20240301000000_posts/migration.sql": """CREATE TABLE "Post" ("id" SERIAL NOT NULL, "authorId" INTEGER NOT NULL, PRIMARY KEY ("id"));
CREATE INDEX "Post_authorId_idx" ON "Post"("authorId");
ALTER TABLE "Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User"("id") ON DELETE RESTRICT;""",
    "20240401000000_fill/migration.sql": 'UPDATE "User" SET "role" = \'ADMIN\' WHERE id = 1;',
    "migration_lock.toml": 'provider = "postgresql"',
}
TYPEORM = {
    "1700000000000-Init.ts": """import { MigrationInterface, QueryRunner } from "typeorm";
export class Init1700000000000 implements MigrationInterface {
    name = 'Init1700000000000'
    public async up(queryRunner: QueryRunner): Promise<void> {
        await queryRunner.query(`CREATE TABLE "user" ("id" SERIAL NOT NULL, CONSTRAINT "PK_1" PRIMARY KEY ("id"))`);
        await queryRunner.query('CREATE TABLE "post" ("id" SERIAL NOT NULL, ' +
            '"authorId" integer NOT NULL DEFAULT \\'1\\', PRIMARY KEY ("id"))');
    }
    public async down(queryRunner: QueryRunner): Promise<void> {
        await queryRunner.query(`DROP TABLE "post"`);
    }
}
""",
    "1700000000001-Index.ts": """import { MigrationInterface } from "typeorm";
export class Index1700000000001 implements MigrationInterface {
    public async up(queryRunner): Promise<void> { await queryRunner.query(`CREATE INDEX "i" ON "post" ("authorId")`) }
    public async down(queryRunner): Promise<void> { await queryRunner.query(`DROP INDEX "i"`) }
}
""",
}
KNEX = {
    "20240101_init.js": """exports.up = (knex) => knex.raw(`
  CREATE TABLE "user" (id serial PRIMARY KEY);
  CREATE TABLE post (id serial PRIMARY KEY, "authorId" integer REFERENCES "user" (id))`);
exports.down = (knex) => knex.raw('DROP TABLE post');
""",
    "20240201_index.js": """exports.up = async function (knex) { await knex.schema.raw("CREATE INDEX i ON post (\\"authorId\\")"); };
exports.down = async function (knex) {};
""",
}
FLYWAY = {
    "V1__init.sql": 'CREATE TABLE "user" (id serial PRIMARY KEY); CREATE TABLE post (id serial PRIMARY KEY);',
    "V2__author.sql": 'ALTER TABLE post ADD COLUMN "authorId" integer REFERENCES "user" (id);',
    "V10__index.sql": 'CREATE INDEX CONCURRENTLY i ON post ("authorId");',
    "U10__index.sql": "DROP INDEX i;",
    "R__view.sql": "CREATE OR REPLACE VIEW posts AS SELECT * FROM post;",
}
ALEMBIC = {
    "upgrade.sql": """BEGIN;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
-- Running upgrade  -> 1a2b
CREATE TABLE "user" (id SERIAL NOT NULL, PRIMARY KEY (id));
INSERT INTO alembic_version (version_num) VALUES ('1a2b') RETURNING alembic_version.version_num;
-- Running upgrade 1a2b -> 3c4d
CREATE TABLE post (id SERIAL NOT NULL, "authorId" INTEGER, PRIMARY KEY (id), FOREIGN KEY("authorId") REFERENCES "user" (id));
CREATE INDEX i ON post ("authorId");
UPDATE alembic_version SET version_num='3c4d' WHERE alembic_version.version_num = '1a2b';
COMMIT;
"""
}
GOOSE = {
    "00001_init.sql": """-- +goose Up
-- +goose StatementBegin
CREATE TABLE "user" (id serial PRIMARY KEY); CREATE TABLE post (id serial PRIMARY KEY, "authorId" integer);
-- +goose StatementEnd
-- +goose Down
DROP TABLE post;""",
    "00002_index.sql": '-- +goose Up\nCREATE INDEX i ON post ("authorId");\n-- +goose Down\nDROP INDEX i;',
}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "files", [PRISMA, TYPEORM, KNEX, FLYWAY, ALEMBIC, GOOSE], ids=["prisma", "typeorm", "knex", "flyway", "alembic", "goose"]
)
def test_each_tool_ends_in_its_schema(server: Server, tmp_path: Path, files: dict[str, str]) -> None:
    schema, _ = read_schema_at(written(tmp_path, files))
    with opened(server, schema) as lab:
        assert lab.loaded.rejected == ()
        assert {table.name.lower() for table in lab.catalogue.tables} - {"alembic_version"} == {"post", "user"}
        assert ("authorId",) in {index.columns for index in lab.catalogue.indexes}


def test_statements_in_code_keep_their_lines(server: Server, tmp_path: Path) -> None:
    broken = TYPEORM["1700000000000-Init.ts"].replace("integer NOT NULL", "no_such_type NOT NULL")
    schema, _ = read_schema_at(written(tmp_path, {"1-Init.ts": broken}))
    assert [each.line for each in schema.definitions] == [5, 6]
    with opened(server, schema) as lab:
        assert [(each.file, each.line) for each in lab.loaded.rejected] == [("1-Init.ts", 6)]


@pytest.mark.parametrize(
    "call",
    [
        "await queryRunner.query(`DROP TABLE ${name}`)",
        "await queryRunner.query('CREATE TABLE ' + name)",
        "return knex.schema.createTable('t', (table) => { table.increments() })",
    ],
)
def test_what_is_put_together_in_code_is_listed(tmp_path: Path, call: str) -> None:
    sources = {"1.ts": f"export async function up(knex) {{\n  {call}\n}}\nexport async function down(knex) {{}}\n"}
    with pytest.raises(InputError, match=r"1\.ts, line 2: it is put together in code"):
        read_schema_at(written(tmp_path, sources))
    schema, _ = read_schema_at(written(tmp_path, FLYWAY))
    assert [(each.file, each.line) for each in schema.rejected] == [("1.ts", 2)]


def test_a_folder_that_only_moves_data_defines_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No table is defined"):
        read_schema_at(written(tmp_path, {"1.sql": "UPDATE t SET a = 1;"}))


def test_other_sources_and_what_lies_outside_are_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "secret.sql"
    outside.write_text("CREATE TABLE secret (id int);")
    folder = written(
        tmp_path / "migrations", FLYWAY | {"helper.ts": "export const query = 1", "node_modules/x/1.sql": "CREATE TABLE x ();"}
    )
    (folder / "V99__link.sql").symlink_to(outside)
    schema, _ = read_schema_at(folder)
    assert {each.file for each in schema.definitions} == set(FLYWAY) - {"U10__index.sql"}
    assert schema.rejected == ()


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}.sql").touch()
    with pytest.raises(InputError, match=f"more than {MOST_FILES} migrations"):
        read_schema_at(tmp_path)


@given(st.text(alphabet="up(){}.query`'\"\\$ +;\nabcraw", max_size=200))
def test_any_source_gives_sql_or_what_is_left_out(text: str) -> None:
    sql, left_out = embedded_sql(text, "1.ts")
    assert sql.count("\n") <= text.count("\n") * 2 + text.count("\\")
    assert all(1 <= each.line <= text.count("\n") + 1 for each in left_out)


DUMPED = """
CREATE SCHEMA sales;
CREATE TYPE sales.state AS ENUM ('open', 'paid');
CREATE TABLE sales.bill (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state sales.state NOT NULL, note text DEFAULT 'a;b');
CREATE INDEX bill_open ON sales.bill (id) WHERE state = 'open';
CREATE FUNCTION sales.total() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM sales.bill; $$;
CREATE VIEW sales.open_bills AS SELECT * FROM sales.bill WHERE state = 'open';
INSERT INTO sales.bill (state) SELECT 'paid' FROM generate_series(1, 500);
ANALYZE sales.bill;
"""


@pytest.mark.parametrize(
    "arguments", [[], ["--schema-only"], ["-Fc"], ["-Fc", "-Z", "0"], ["--inserts"], ["--statistics"]], ids=" ".join
)
def test_every_dump_of_pg_dump_gives_the_schema(server: Server, tmp_path: Path, arguments: list[str]) -> None:
    database = server.create_database()
    with server.connect(database) as owner:
        owner.execute(DUMPED.encode())
    command = [str(find_binaries().folder / "pg_dump"), *arguments, "-h", str(server.directory), "-U", "schema_owner", database]
    (tmp_path / "dump").write_bytes(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    schema, statistics = read_schema_at(tmp_path / "dump")
    with opened(server, schema) as lab:
        assert lab.loaded.rejected == ()
        assert [(table.schema, table.name) for table in lab.catalogue.tables] == [("sales", "bill")]
        assert {index.name for index in lab.catalogue.indexes} == {"bill_pkey", "bill_open"}
    assert (schema.data_rows or schema.data_statements) == (500 if arguments in ([], ["--statistics"], ["--inserts"]) else 0)
    assert bool(statistics) == ("--statistics" in arguments)
