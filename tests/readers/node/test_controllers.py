"""NestJS: routes with every prefix, what containers inject, guards, buses, messages."""

from __future__ import annotations

import pytest

MAIN = """
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app';
async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  SETUP
  await app.listen(process.env.PORT);
}
bootstrap();
"""


@pytest.fixture
def nest(program):
    """Return a function that reads an application: the text of its module file, settings of `main`, more files."""

    def reading(app: str, setup: str = "", **files: str):
        more = {f"src/{name}.ts": text for name, text in files.items()}
        return program({"src/main.ts": MAIN.replace("SETUP", setup), "src/app.ts": app} | more)

    return reading


CONTROLLER = """
import { Controller, Get, Post, Version, HttpCode, Module } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
DECORATOR
export class Orders {
  @Get() list() { return []; }
  @Post(':id/cancel') @HttpCode(204) cancel() {}
}
@Module({ controllers: [Orders] }) class OrdersModule {}
@Module({ imports: [OrdersModule, MORE] })
export class AppModule {}
"""


@pytest.mark.parametrize(
    ("decorator", "setup", "more", "expected"),
    [
        ("@Controller('orders')", "", "", ["GET /orders", "POST /orders/:id/cancel"]),
        ("@Controller()", "", "", ["GET /", "POST /:id/cancel"]),
        ("@Controller({ path: '/orders' })", "app.setGlobalPrefix('api');", "", ["GET /api/orders", "POST /api/orders/:id/cancel"]),
        ("@Controller(['a', 'b'])", "", "", ["GET /a", "GET /b", "POST /a/:id/cancel", "POST /b/:id/cancel"]),
        (
            "@Controller({ path: 'orders', version: '2' })",
            "app.setGlobalPrefix('api'); app.enableVersioning({ type: VersioningType.URI });",
            "",
            ["GET /api/v2/orders", "POST /api/v2/orders/:id/cancel"],
        ),
        (
            "@Controller('orders')",
            "app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1', prefix: 'r' });",
            "",
            ["GET /r1/orders", "POST /r1/orders/:id/cancel"],
        ),
        ("@Controller({ path: 'orders', version: '2' })", "", "", ["GET /orders", "POST /orders/:id/cancel"]),
        (
            "@Controller('orders')",
            "",
            "RouterModule.register([{ path: 'shop', module: OrdersModule }])",
            ["GET /shop/orders", "POST /shop/orders/:id/cancel"],
        ),
    ],
)
def test_paths(nest, decorator: str, setup: str, more: str, expected: list[str]):
    found = nest(CONTROLLER.replace("DECORATOR", decorator).replace("MORE", more), setup.replace("VersioningType.URI", "'URI'"))
    assert sorted(found.handlers) == expected
    assert found.outline(expected[0]) == "reply 200"
    assert found.outline(expected[-1]) == "reply 204"


SERVICE = """
import { Controller, Get, Inject, Injectable, Module } from '@nestjs/common';
export interface Rates { rate(): Promise<number> }
export abstract class Clock { abstract now(): Promise<number> }
@Injectable() export class HttpRates implements Rates { rate() { return fetch('http://rates/rate'); } }
@Injectable() export class NetworkClock extends Clock { now() { return fetch('http://clock/now'); } }
@Controller('x')
export class X {
  MEMBERS
}
@Module({ controllers: [X], providers: [PROVIDERS] })
export class AppModule {}
"""


@pytest.mark.parametrize(
    ("members", "providers", "expected"),
    [
        ("constructor(private readonly r: HttpRates) {} @Get() get() { return this.r.rate(); }", "HttpRates", "rates/rate"),
        (
            "constructor(@Inject('RATES') private r: Rates) {} @Get() get() { return this.r.rate(); }",
            "{ provide: 'RATES', useClass: HttpRates }",
            "rates/rate",
        ),
        (
            "@Inject('RATES') private r: Rates; @Get() get() { return this.r.rate(); }",
            "{ provide: 'RATES', useExisting: HttpRates }",
            "rates/rate",
        ),
        (
            "constructor(@Inject('RATES') private r: Rates) {} @Get() get() { return this.r.rate(); }",
            "{ provide: 'RATES', useFactory: (h: HttpRates) => h, inject: [HttpRates] }",
            "rates/rate",
        ),
        ("constructor(@Inject('RATES') private r: Rates) {} @Get() get() { return this.r.rate(); }", "", "rates/rate"),
        ("constructor(private c: Clock) {} @Get() get() { return this.c.now(); }", "", "clock/now"),
        (
            "constructor(private c: Clock) {} @Get() get() { return this.c.now(); }",
            "{ provide: Clock, useClass: NetworkClock }",
            "clock/now",
        ),
        ("private r = new HttpRates(); @Get() async get() { return await this.r.rate(); }", "", "rates/rate"),
        ("private r; constructor(r: HttpRates) { this.r = r; } @Get() get() { return this.r.rate(); }", "", "rates/rate"),
    ],
)
def test_what_is_injected(nest, members: str, providers: str, expected: str):
    found = nest(SERVICE.replace("MEMBERS", members).replace("PROVIDERS", providers))
    assert found.outline("GET /x") == f"call GET http://{expected}\nreply 200"


def test_two_implementations_of_one_interface_are_no_answer(nest):
    other = "export class Other implements Rates { rate() {} }\n@Injectable() export class HttpRates"
    source = SERVICE.replace("@Injectable() export class HttpRates", other)
    found = nest(
        source.replace("MEMBERS", "constructor(private r: Rates) {} @Get() get() { return this.r.rate(); }").replace(
            "PROVIDERS", ""
        )
    )
    assert found.outline("GET /x") == "reply 200"


def test_methods_and_fields_of_a_base_class(nest):
    found = nest(
        """
        import { Controller, Get, Module } from '@nestjs/common';
        class Base { protected readonly url = process.env.STOCK_URL; protected ask(path: string) { return fetch(`${this.url}${path}`); } }
        @Controller('x') class X extends Base { @Get() get() { return this.ask('/all'); } }
        @Module({ controllers: [X] }) export class AppModule {}
        """
    )
    assert found.outline("GET /x") == "call GET ${STOCK_URL}/all\nreply 200"


def test_commands_and_events_lead_to_their_handlers(nest):
    found = nest(
        """
        import { Controller, Post, Module } from '@nestjs/common';
        import { CommandBus, CommandHandler, EventBus, EventsHandler } from '@nestjs/cqrs';
        import { EventEmitter2, OnEvent } from '@nestjs/event-emitter';
        class Place { constructor(readonly id: string) {} }
        class Placed { constructor(readonly id: string) {} }
        @CommandHandler(Place) class PlaceHandler {
          constructor(private readonly events: EventBus) {}
          async execute(command: Place) { await fetch(`http://stock/${command.id}`); this.events.publish(new Placed(command.id)); }
        }
        @EventsHandler(Placed) class PlacedHandler {
          constructor(private readonly emitter: EventEmitter2) {}
          handle() { this.emitter.emit('told'); }
        }
        class Mail { @OnEvent('told') async send() { await fetch('http://mail/send', { method: 'POST' }); } }
        @Controller('orders') class Orders {
          constructor(private readonly commands: CommandBus) {}
          @Post() place() { return this.commands.execute(new Place('1')); }
        }
        @Module({ controllers: [Orders], providers: [PlaceHandler, PlacedHandler, Mail] }) export class AppModule {}
        """
    )
    assert found.outline("POST /orders") == "call GET http://stock/1\ncall POST http://mail/send\nreply 201"


def test_guards_come_first_and_are_named(nest):
    found = nest(
        """
        import { applyDecorators, Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
        import { APP_GUARD } from '@nestjs/core';
        @Injectable() class Signed { async canActivate(context) { await fetch('http://auth/check'); return true; } }
        @Injectable() class Limited { canActivate() { return true; } }
        const Private = () => applyDecorators(UseGuards(Signed));
        @Controller('x') class X {
          @Get('a') @Private() a() {}
          @Get('b') b() {}
        }
        @Module({ controllers: [X], providers: [{ provide: APP_GUARD, useClass: Limited }] }) export class AppModule {}
        """
    )
    assert found.outline("GET /x/a") == "call GET http://auth/check\nreply 200"
    assert found.outline("GET /x/b") == "reply 200"
    assert [each.name for each in found.handlers["GET /x/a"].operation.guards] == ["Limited", "Signed"]
    assert [each.name for each in found.handlers["GET /x/b"].operation.guards] == ["Limited"]


def test_settings_by_name_and_by_namespace(nest):
    found = nest(
        """
        import { Controller, Get, Module } from '@nestjs/common';
        import { ConfigModule, ConfigService, registerAs } from '@nestjs/config';
        const stock = registerAs('stock', () => ({ url: process.env.STOCK_URL || 'http://stock' }));
        @Controller('x') class X {
          constructor(private readonly config: ConfigService) {}
          @Get('a') a() { return fetch(`${this.config.get('stock.url')}/a`); }
          @Get('b') b() { return fetch(this.config.getOrThrow<string>('MAIL_URL') + '/b'); }
          @Get('c') c() { return fetch(`${this.config.get('CART_URL', 'http://cart')}/c`); }
        }
        @Module({ imports: [ConfigModule.forRoot({ load: [stock] })], controllers: [X] }) export class AppModule {}
        """
    )
    assert found.outline("GET /x/a") == "call GET ${STOCK_URL}/a\nreply 200"
    assert found.outline("GET /x/b") == "call GET ${MAIL_URL}/b\nreply 200"
    assert found.outline("GET /x/c") == "call GET ${CART_URL}/c\nreply 200"
    assert [name for name, _ in found.code.reads] == ["CART_URL", "MAIL_URL", "PORT", "STOCK_URL"]


def test_messages_of_microservices(codes):
    (found,) = codes(
        {
            "src/main.ts": """
                import { NestFactory } from '@nestjs/core';
                import { Transport } from '@nestjs/microservices';
                import { AppModule } from './app';
                NestFactory.createMicroservice(AppModule, {
                  transport: Transport.RMQ, options: { urls: [process.env.AMQP_URL], queue: 'bills' },
                }).then((app) => app.listen());
            """,
            "src/app.ts": """
                import { Controller, Inject, Module } from '@nestjs/common';
                import { ClientProxy, ClientsModule, EventPattern, MessagePattern, Transport } from '@nestjs/microservices';
                @Controller() class Bills {
                  constructor(@Inject('STOCK') readonly stock: ClientProxy, @Inject('EVENTS') readonly events: ClientProxy) {}
                  @MessagePattern({ cmd: 'total' }) async total() { return this.stock.send('count', {}); }
                  @EventPattern('order.created') async created() { this.events.emit('bill.created', {}); }
                }
                @Module({
                  imports: [ClientsModule.register([
                    { name: 'STOCK', transport: Transport.TCP, options: { host: process.env.STOCK_HOST, port: 4000 } },
                    { name: 'EVENTS', transport: Transport.RMQ, options: { urls: ['amqp://mq'], queue: 'mails' } },
                  ])],
                  controllers: [Bills],
                }) export class AppModule {}
            """,
        }
    )
    triggers = {(each.trigger.kind, each.trigger.name) for each in found.handlers}
    assert triggers == {("rpc", "total"), ("message", "order.created")}
    kinds = {
        (target.protocol, target.exchange, target.channel, "".join(piece.text for piece in target.path)) for target in found.targets
    }
    assert ("tcp", "", "", "count") in kinds
    assert ("amqp", "queue:mails", "bill.created", "") in kinds
    assert ("amqp", "queue:bills", "order.created", "") in kinds


def test_procedures_of_grpc_on_both_sides(codes):
    (found,) = codes(
        {
            "server.js": """
                const grpc = require('@grpc/grpc-js');
                const loader = require('@grpc/proto-loader');
                const shop = grpc.loadPackageDefinition(loader.loadSync('shop.proto')).shop;
                const stock = new shop.Stock(process.env.STOCK_ADDR, grpc.credentials.createInsecure());
                function price(call, callback) { stock.count({ id: call.request.id }, (error, answer) => callback(null, answer)); }
                const server = new grpc.Server();
                server.addService(shop.Prices.service, { price });
                server.bindAsync('0.0.0.0:50051', grpc.ServerCredentials.createInsecure(), () => server.start());
            """
        }
    )
    assert [(each.trigger.kind, each.trigger.name) for each in found.handlers] == [("rpc", "Prices/price")]
    (target,) = found.targets
    assert (target.protocol, target.address[0].variable, target.path[0].text) == ("grpc", "STOCK_ADDR", "Stock/count")


def test_resolvers_schedules_and_jobs(nest):
    found = nest(
        """
        import { Injectable, Module } from '@nestjs/common';
        import { Resolver, Query, Mutation } from '@nestjs/graphql';
        import { Cron } from '@nestjs/schedule';
        import { Processor, WorkerHost } from '@nestjs/bullmq';
        @Resolver() class Items { @Query(() => [String]) items() {} @Mutation(() => String, { name: 'add' }) create() {} }
        @Injectable() class Nightly { @Cron('0 0 * * *') async clean() { await fetch('http://stock/clean', { method: 'POST' }); } }
        @Processor('mail') class Mail extends WorkerHost { async process(job) { await fetch('http://mail/send'); } }
        @Module({ providers: [Items, Nightly, Mail] }) export class AppModule {}
        """
    )
    assert {each.trigger.kind: name for name, each in found.handlers.items()} == {
        "graphql": "Mutation add",
        "schedule": "clean of Nightly",
        "message": "mail",
    }
    assert "Query items" in found.handlers
    assert found.outline("clean of Nightly") == "call POST http://stock/clean"
    assert found.outline("mail") == "call GET http://mail/send"


def test_settings_of_a_namespace_that_a_factory_is_given(nest):
    found = nest(
        """
        import { Controller, Get, Inject, Module } from '@nestjs/common';
        import { registerAs } from '@nestjs/config';
        import { z } from 'zod';
        const Schema = z.object({ url: z.string() });
        export const stock = registerAs('stock', () => Schema.parse({ url: process.env.STOCK_URL ?? 'http://stock' }));
        class Client { constructor(private readonly url: string) {} all() { return fetch(`${this.url}/all`); } }
        @Controller('x') class X {
          constructor(@Inject('CLIENT') private readonly client: Client) {}
          @Get() get() { return this.client.all(); }
        }
        @Module({
          controllers: [X],
          providers: [{ provide: 'CLIENT', inject: [stock.KEY], useFactory: (config) => new Client(config.url) }],
        }) export class AppModule {}
        """
    )
    assert found.outline("GET /x") == "call GET ${STOCK_URL}/all\nreply 200"
