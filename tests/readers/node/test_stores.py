"""Databases and caches: which table or key space a call of a driver is for, what it does to it, and how its connection is protected."""

from __future__ import annotations

import pytest

from backend_expert.model import Mechanism, Query
from backend_expert.readers.node.statements import control, effects

MONGOOSE = "import mongoose from 'mongoose'; mongoose.connect('mongodb://docs/shop'); const Item = mongoose.model('Item', schema);"
KNEX = "import knex from 'knex'; const db = knex({ client: 'pg', connection: process.env.DB_URL });"
SEQUELIZE = (
    "import { Sequelize } from 'sequelize'; const s = new Sequelize(process.env.DB_URL, { dialect: 'postgres' });"
    "const Item = s.define('Item', {});"
)
REDIS = "import { Redis } from 'ioredis'; const redis = new Redis(process.env.REDIS_URL);"
MONGO = (
    "import { MongoClient } from 'mongodb'; const client = new MongoClient(process.env.MONGO_URL);"
    "const items = client.db('shop').collection('items');"
)


@pytest.mark.parametrize(
    ("before", "body", "expected"),
    [
        ("", "await pool.query('UPDATE items SET n = $1 WHERE id = $2', [1, 2]);", "update items by id"),
        ("", "await pool.query({ text: 'DELETE FROM items WHERE id = $1', values: [1] });", "delete items by id"),
        ("", "await pool.query(`SELECT * FROM ${table} WHERE id = 1`);", "read ?"),
        ("", "await pool.query(statement);", "read ?"),
        ("", "const c = await pool.connect(); await c.query('SELECT 1 FROM items'); c.release();", "read items"),
        (
            "import mysql from 'mysql2/promise'; const db = mysql.createPool({ host: 'm', database: 'shop' });",
            "await db.execute('INSERT INTO items VALUES (?)', [1]);",
            "insert items",
        ),
        (
            "const mysql = require('mysql'); const db = mysql.createConnection({ host: 'm' });",
            "db.query('SELECT * FROM items WHERE sku = ?', [1], (err, rows) => { db.query('UPDATE items SET n = 1 WHERE id = ?'); });",
            "read items by sku\nparallel\n--\n  update items by id",
        ),
        (MONGO, "await items.find({ sku: 1 }).sort({ n: 1 }).toArray();", "read items by sku"),
        (MONGO, "await items.insertOne({});", "insert items"),
        (MONGO, "await items.updateOne({ _id: 1 }, { $inc: { n: -1 } });", "guarded-update items by _id"),
        (
            MONGO,
            "await items.updateOne({ _id: 1, status: 'new' }, { $set: { status: 'paid' } });",
            "guarded-update items by _id, status",
        ),
        (MONGO, "await items.updateOne({ _id: 1 }, { $set: { n: 1 } });", "update items by _id"),
        (MONGOOSE, "await Item.findById(1).lean();", "read items by _id"),
        (
            MONGOOSE,
            "const item = await Item.findOne({ sku: 1 }); item.n = 2; await item.save();",
            "read items by sku\nupdate items",
        ),
        (MONGOOSE, "const item = new Item({}); await item.save();", "insert items"),
        (MONGOOSE, "Item.deleteMany({ old: true }, (err) => res.end());", "delete items by old"),
        (KNEX, "await db('items').where({ id: 1 }).first();", "read items by id"),
        (KNEX, "await db('items').where('id', 1).update({ n: 1 });", "update items by id"),
        (KNEX, "await db.insert({}).into('items');", "insert items"),
        (KNEX, "await db('items').where({ id: 1 }).decrement('n');", "guarded-update items by id"),
        (SEQUELIZE, "await Item.findAll({ where: { sku: 1 } });", "read Items by sku"),
        (SEQUELIZE, "await Item.create({});", "insert Items"),
        (SEQUELIZE, "await Item.update({ n: 1 }, { where: { id: 1 } });", "update Items by id"),
        (REDIS, "await redis.hgetall(`cart:${req.params.id}`);", "read cart"),
        (REDIS, "await redis.multi().hincrby('cart:1', 'a', 1).expire('cart:1', 60).exec();", "update cart"),
        (REDIS, "await redis.del('cart:1');", "delete cart"),
        (REDIS, "await redis.get(req.params.id);", "read ?"),
    ],
)
def test_what_a_call_does(handler, before: str, body: str, expected: str):
    found = handler(body, before).outline("POST /x")
    assert found == f"{expected}\nreply 200"


@pytest.mark.parametrize(
    ("before", "body"),
    [
        (
            "",
            (
                "const c = await pool.connect(); await c.query('BEGIN');"
                "await c.query('INSERT INTO items VALUES (1)'); await c.query('COMMIT');"
            ),
        ),
        (
            "",
            "await pool.query('BEGIN'); try { await save(1); await pool.query('COMMIT'); } catch (e) { await pool.query('ROLLBACK'); }",
        ),
        (KNEX, "await db.transaction(async (trx) => { await trx('items').insert({}); });"),
        (
            SEQUELIZE.replace("'Item', {}", "'Item', {}, { tableName: 'items' }"),
            "await s.transaction(async (t) => { await Item.create({}); });",
        ),
        (
            MONGO,
            "const s = client.startSession(); await s.withTransaction(async () => { await items.insertOne({}); });",
        ),
        (
            "import { PrismaClient } from '@prisma/client'; const prisma = new PrismaClient();",
            "await prisma.$transaction([prisma.items.create({})]);",
        ),
        (
            "import { PrismaClient } from '@prisma/client'; const prisma = new PrismaClient();",
            "await prisma.$transaction(async (tx) => { await tx.items.create({}); });",
        ),
        (
            "import { DataSource } from 'typeorm'; class items {} const source = new DataSource({ type: 'postgres', url: process.env.U });",
            (
                "const r = source.createQueryRunner(); await r.startTransaction(); await r.manager.insert(items, {});"
                "await r.commitTransaction();"
            ),
        ),
    ],
)
def test_transactions(handler, before: str, body: str):
    assert handler(body, before).outline("POST /x") == "transaction\n  insert items\nreply 200"


def test_two_writes_of_one_statement_are_one_transaction(handler):
    body = "await pool.query('WITH gone AS (DELETE FROM held WHERE o = $1 RETURNING n) UPDATE stock SET n = stock.n + gone.n FROM gone');"
    assert handler(body).outline("POST /x") == "transaction\n  delete held by o\n  guarded-update stock\nreply 200"


@pytest.mark.parametrize(
    ("before", "body", "pool", "timeout_ms", "absent"),
    [
        ("const p = new Pool({ connectionString: process.env.U, max: 4 });", "p.query('SELECT 1 FROM a')", 4, None, True),
        ("const p = new Pool({ connectionString: process.env.U });", "p.query('SELECT 1 FROM a')", 10, None, True),
        ("const p = new Pool();", "p.query('SELECT 1 FROM a')", 10, None, True),
        ("const p = new Pool({ ...options });", "p.query('SELECT 1 FROM a')", None, None, False),
        ("const p = new Pool({ statement_timeout: 500 });", "p.query('SELECT 1 FROM a')", 10, 500, False),
        ("const p = new Pool({ statement_timeout: limits.db });", "p.query('SELECT 1 FROM a')", 10, None, False),
        (
            "import { Redis } from 'ioredis'; const r = new Redis('redis://c', { commandTimeout: 200 });",
            "r.get('a:b')",
            None,
            200,
            False,
        ),
        ("import { Redis } from 'ioredis'; const r = new Redis('redis://c');", "r.get('a:b')", None, None, True),
        (
            "const { MongoClient } = require('mongodb'); const m = new MongoClient('mongodb://d', { maxPoolSize: 7 }).db('a');",
            "m.collection('b').findOne({})",
            7,
            None,
            True,
        ),
    ],
)
def test_pools_and_timeouts(handler, before: str, body: str, pool, timeout_ms, absent: bool):
    (query,) = handler(f"await {body};", before).steps("POST /x", Query)
    assert (query.policy.pool.size.value if query.policy.pool else None) == pool
    assert (query.policy.timeout_ms.value if query.policy.timeout_ms else None) == timeout_ms
    assert query.policy.lacks(Mechanism.TIMEOUT) is absent


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = $1", [("read", "orders", ("id",))]),
        ("select * from shop.orders where a = ? and b in (?) and c is null order by d", [("read", "orders", ("a", "b", "c"))]),
        ("WITH x AS (SELECT 1) SELECT * FROM x JOIN orders ON true WHERE id = :id", [("read", "orders", ("id",))]),
        ('INSERT INTO "orders" (id) VALUES ($1)', [("insert", "orders", ())]),
        ("INSERT INTO stock (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n", [("update", "stock", ("id",))]),
        ("INSERT INTO stock (id) VALUES ($1) ON CONFLICT DO NOTHING", [("insert", "stock", ())]),
        ("UPDATE stock SET n = n - $1 WHERE id = $2 AND n >= $1", [("guarded-update", "stock", ("id", "n"))]),
        ("UPDATE stock SET n = $1 WHERE id = $2", [("update", "stock", ("id",))]),
        ("UPDATE stock s SET n = $1, version = version + 1 WHERE s.id = $2", [("guarded-update", "stock", ("id",))]),
        ("DELETE FROM stock WHERE id = 'FROM x'", [("delete", "stock", ("id",))]),
        ("SELECT 1 -- FROM nothing", []),
        ("CREATE TABLE orders (id int)", []),
        ("LISTEN orders", []),
        ("", []),
    ],
)
def test_statements(sql: str, expected):
    assert [(each.action.value, each.table, each.columns) for each in effects(sql)] == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [("BEGIN", "begin"), (" start transaction isolation level serializable", "begin"), ("commit;", "commit"), ("SELECT 1", "")],
)
def test_what_bounds_a_transaction(sql: str, expected: str):
    assert control(sql) == expected


def test_the_schema_of_prisma_names_tables_columns_and_the_variable_of_its_address(program):
    found = program(
        {
            "server.js": """
                const express = require('express');
                const { PrismaClient } = require('@prisma/client');
                const prisma = new PrismaClient();
                const app = express();
                app.get('/users', async (req, res) => res.json(await prisma.user.findMany({ where: { email: req.query.email } })));
                app.listen(80);
            """,
            "prisma/schema.prisma": """
                datasource db {
                  provider = "postgresql"
                  url      = env("DATABASE_URL")
                }
                model User {
                  id      Int     @id
                  email   String  @unique
                  name    String? @map("full_name")
                  orders  Order[]
                  @@map("users")
                  @@index([name])
                }
                """.replace("                ", ""),
        }
    )
    assert found.outline("GET /users") == "read users by email\nreply 200"
    (target,) = found.code.targets
    assert (target.protocol, target.address[0].variable) == ("postgresql", "DATABASE_URL")
    (table,) = found.code.tables
    assert [(column.name, column.nullable, column.personal) for column in table.columns] == [
        ("id", False, False),
        ("email", False, True),
        ("full_name", True, True),
    ]
    assert [(index.columns, index.unique) for index in table.indexes] == [
        (("id",), True),
        (("email",), True),
        (("full_name",), False),
    ]


def test_entities_give_tables_and_the_columns_behind_fields(program):
    found = program(
        {
            "src/main.ts": """
                import { NestFactory } from '@nestjs/core';
                import { AppModule } from './app.module';
                async function start() { const app = await NestFactory.create(AppModule); await app.listen(80); }
                start();
            """,
            "src/app.module.ts": """
                import { Controller, Get, Param, Module } from '@nestjs/common';
                import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
                import { Repository } from 'typeorm';
                import { OrderLine } from './order-line.entity';
                @Controller('lines')
                class Lines {
                  constructor(@InjectRepository(OrderLine) private readonly lines: Repository<OrderLine>) {}
                  @Get(':id') find(@Param('id') id: string) { return this.lines.find({ where: { orderId: id }, take: 10 }); }
                }
                @Module({
                  imports: [TypeOrmModule.forRoot({ type: 'mysql', host: process.env.DB_HOST, database: 'shop', poolSize: 3 })],
                  controllers: [Lines],
                })
                export class AppModule {}
            """,
            "src/order-line.entity.ts": """
                import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
                @Entity()
                @Index(['orderId', 'sku'], { unique: true })
                export class OrderLine {
                  @PrimaryGeneratedColumn() id: number;
                  @Column({ name: 'order_id', type: 'uuid' }) orderId: string;
                  @Column() sku: string;
                }
            """,
        }
    )
    assert found.outline("GET /lines/:id") == "read order_line by order_id\nreply 200"
    (query,) = found.steps("GET /lines/:id", Query)
    assert query.policy.pool.size.value == 3
    (target,) = [each for each in found.code.targets if each.dataset]
    assert (target.protocol, target.database[0].text) == ("mysql", "shop")
    (table,) = found.code.tables
    assert [column.name for column in table.columns] == ["id", "order_id", "sku"]
    assert [(index.columns, index.unique) for index in table.indexes] == [(("id",), True), (("order_id", "sku"), True)]


TRANSACTIONAL = """
import { Transactional } from 'typeorm-transactional';
import { Entity, PrimaryColumn, DataSource } from 'typeorm';
@Entity('orders') class Order { @PrimaryColumn() id: string; }
@Entity('lines') class Line { @PrimaryColumn() id: string; }
const source = new DataSource({ type: 'postgres', host: 'db' });
class Orders {
  orders = source.getRepository(Order);
  lines = source.getRepository(Line);
  @Transactional()
  async place(given) {
    await this.orders.save(this.orders.create({}));
    const made = [];
    for (const each of given) made.push(this.lines.create(each));
    await this.lines.save(made);
  }
}
"""


def test_a_decorator_puts_a_transaction_around_a_method(handler):
    found = handler("await new Orders().place(req.body.lines); await save(1);", TRANSACTIONAL)
    assert found.outline("POST /x") == "transaction\n  insert orders\n  insert lines\ninsert items\nreply 200"


@pytest.mark.parametrize(
    ("before", "body", "expected"),
    [
        (
            "import nodemailer from 'nodemailer'; const mail = nodemailer.createTransport({ host: process.env.MAIL_HOST, port: 25 });",
            "await mail.sendMail({ to: 'a' });",
            "call ${MAIL_HOST}",
        ),
        (
            "import { S3Client, PutObjectCommand } from '@aws-sdk/client-s3'; const s3 = new S3Client({});",
            "await s3.send(new PutObjectCommand({ Bucket: 'b' }));",
            "call https://s3.amazonaws.com",
        ),
        (
            "import AWS from 'aws-sdk'; const s3 = new AWS.S3({ endpoint: 'http://minio:9000' });",
            "await s3.upload({ Bucket: 'b' }).promise();",
            "call http://minio:9000",
        ),
        (
            "import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs'; const sqs = new SQSClient({});",
            "await sqs.send(new SendMessageCommand({ QueueUrl: 'https://sqs.eu.amazonaws.com/1/orders' }));",
            "publish orders",
        ),
        (
            "import { SNS } from '@aws-sdk/client-sns'; const sns = new SNS({});",
            "await sns.publish({ TopicArn: 'arn:aws:sns:eu:1:paid', Message: 'x' });",
            "publish paid",
        ),
    ],
)
def test_services_with_a_package_of_their_own(handler, before: str, body: str, expected: str):
    assert handler(body, before).outline("POST /x") == f"{expected}\nreply 200"
