"""Read Java: Feign clients, RestTemplate and WebClient, service discovery, gRPC, environment and properties read in code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import structs
from tree_sitter import Node

from backend_expert.model import Evidence, Kind, Mechanism, Policy
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.java_programs import entries, published
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.clients import Client, mentions, remotes
from backend_expert.readers.source_code.expressions import (
    ENVIRONMENT_HELPER,
    HOLE,
    Expression,
    Fallback,
    Invoked,
    Joined,
    Literal,
    Name,
    Same,
    Unknown,
    Values,
)
from backend_expert.readers.source_code.facts import EVERYBODY, Fact, Mention, Role, Use
from backend_expert.readers.source_code.grpc import contracts
from backend_expert.readers.source_code.homes import homes, undescribed
from backend_expert.readers.source_code.operations import Remote, programs_of
from backend_expert.readers.source_code.program import Binding, File, Program, content_of, line_of, program_of, text_of
from backend_expert.readers.source_code.spring import configurations, module_of, resolved

READER = "java"

_WORTH = re.compile(
    r"://|getenv|@Value|@Enable|@RestController|FeignClient|RestTemplate|WebClient|RestClient|getInstances|loadBalancer|Grpc\.|"
    r"(?i:timeout|deadline)|static final|Mapping|Listener|convertAndSend|kafkaTemplate|@Service|@Scheduled"
)

_REST = "RestTemplate url"
_WEB = "WebClient url"
CLIENTS = (
    Client(
        function=r"(?i)(\w+\.)*\w*(rest|template|operations|client)\w*\.(getForObject|getForEntity|postForObject|postForEntity|"
        r"postForLocation|exchange|put|delete|patchForObject|headForHeaders|optionsForAllow)",
        key=_REST,
        address=(0,),
    ),
    Client(function=r"WebClient\.create|(\w+\.)*(baseUrl|uri)", key=_WEB, address=(0,)),
    Client(function=r"(\w+\.)*ManagedChannelBuilder\.forAddress", key="grpc channel address", address=(0,), port=(1,)),
    Client(function=r"(\w+\.)*ManagedChannelBuilder\.forTarget", key="grpc channel address", address=(0,)),
    Client(function=r"(\w+\.)*(HttpGet|HttpPost|HttpPut|HttpDelete|HttpPatch)", key="HttpClient url", address=(0,)),
    Client(function=r"(\w+\.)*(Jedis|JedisPool)", key="redis host", address=(0,), port=(1,)),
    Client(function=r"(\w+\.)*MongoClients?(\.create)?", key="mongodb host", address=(0,), port=(1,)),
    Client(function=r"(\w+\.)*(\w*[fF]actory)\.set(Host|HostName|Uri)", key="broker host", address=(0,)),
    Client(
        function=r"(\w+\.)*setJdbcUrl|DriverManager\.getConnection|(\w+\.)*DataSourceBuilder\.url", key="jdbc url", address=(0,)
    ),
)
_BUILT = {
    _REST: re.compile(r"new RestTemplate\(\s*\)|\w*[rR]estTemplateBuilder\w*(\(\))?\s*\.build\(\)|\bbuilder\.build\(\)"),
    _WEB: re.compile(r"WebClient\.(create|builder)\("),
}
"""Where a client is made with nothing set; RestTemplate and WebClient then wait for ever (Spring Framework reference, "REST Clients")."""

_LIMITED = re.compile(r"(?i)timeout|requestfactory|requestconfig|\bokhttp|@TimeLimiter|TimeLimiter\.")
_LOOKUPS = frozenset({"getInstances", "choose", "getNextServerFromEureka", "getApplication", "getServiceInstances"})


_ENABLED = {
    "EnableConfigServer": (Kind.PLATFORM, "config-server"),
    "EnableEurekaServer": (Kind.PLATFORM, "eureka"),
    "EnableAdminServer": (Kind.PLATFORM, "spring-boot-admin"),
    "EnableTurbine": (Kind.PLATFORM, "turbine"),
    "EnableTurbineStream": (Kind.PLATFORM, "turbine"),
    "EnableHystrixDashboard": (Kind.PLATFORM, "hystrix-dashboard"),
    "EnableZipkinServer": (Kind.PLATFORM, "zipkin"),
    "EnableZuulProxy": (Kind.GATEWAY, ""),
    "EnableZuulServer": (Kind.GATEWAY, ""),
}
"""What one annotation makes of a Spring application; a dependency alone makes nothing of it."""

_SERVES = re.compile(r"@RestController\b|@RepositoryRestResource|@FeignClient")


class Java:
    """The grammar of Java."""

    query = """
        (method_invocation) @call (object_creation_expression) @call (annotation) @call (marker_annotation) @call
        (string_literal) @text
        (variable_declarator) @bind (assignment_expression) @bind (formal_parameter) @bind
    """
    functions = frozenset({"method_declaration", "constructor_declaration", "lambda_expression"})

    def language(self) -> Any:
        """Return the compiled grammar."""
        import tree_sitter_java

        return tree_sitter_java.language()

    def shape(self, node: Node) -> Expression:
        """Return the form of an expression."""
        match node.type:
            case "string_literal":
                return Literal(content_of(node, "string_fragment", "multiline_string_fragment", "escape_sequence"))
            case "decimal_integer_literal" | "null_literal":
                return Literal(text_of(node).rstrip("lL"))
            case "binary_expression" if text_of(node.child_by_field_name("operator")) == "+":
                return Joined((node.child_by_field_name("left"), node.child_by_field_name("right")))
            case "ternary_expression":
                return Fallback((node.child_by_field_name("consequence"), node.child_by_field_name("alternative")))
            case "parenthesized_expression" if node.named_children:
                return Same(node.named_children[0])
            case "cast_expression" if (value := node.child_by_field_name("value")) is not None:
                return Same(value)
            case "identifier" | "field_access":
                return Name(text_of(node).removeprefix("this."))
            case "method_invocation" | "object_creation_expression" | "annotation" | "marker_annotation":
                return _call(node)
            case _:
                return Unknown()

    def bindings(self, node: Node) -> Iterator[Binding]:
        """Yield what a declaration or assignment assigns; a field or parameter with `@Value` holds the text of the annotation."""
        if node.type == "assignment_expression":
            name, value = node.child_by_field_name("left"), node.child_by_field_name("right")
            if name is not None and value is not None:
                yield Binding(text_of(name).removeprefix("this."), value, False, field=name.type == "field_access")
            return
        name = node.child_by_field_name("name")
        annotated = node if node.type == "formal_parameter" else node.parent
        value = node.child_by_field_name("value") or (_injected(annotated) if annotated is not None else None)
        if name is not None and value is not None:
            yield Binding(text_of(name), value, True)
            if annotated is not None and annotated.type == "field_declaration" and (holder := _class_of(annotated)):
                yield Binding(f"{holder}.{text_of(name)}", value, True)

    def environment(self, call: Invoked) -> tuple[Node, Node | None] | None:
        """Return name and default of `System.getenv`, `System.getProperty`, `env.getProperty` and the helpers that people write."""
        if not call.arguments:
            return None
        default = call.argument(1)
        if call.function in {"System.getenv", "getenv", "System.getenv().getOrDefault"}:
            return call.arguments[0], default
        if call.last == "getProperty" and re.search(r"(?i)env", call.function):
            return call.arguments[0], default
        if ENVIRONMENT_HELPER.fullmatch(call.last) and call.last not in {"env", "environment"}:
            return call.arguments[0], default
        return None


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment with what the Java files say of calls."""
    grammar = Java()
    program = program_of(grammar, repository, ".java", _WORTH)
    if not program.files:
        return
    values = Values(grammar.shape, program.assigned, grammar.environment)
    properties = _properties(repository)
    limits = _limits(program, repository)
    facts: list[Fact] = []
    for each in mentions(program, grammar, values, CLIENTS, READER):
        module = module_of(each.evidence[0].file)
        bare = limits.get((module, each.key))
        policy = structs.replace(bare, evidence=(*each.evidence, *bare.evidence)) if bare is not None else each.policy
        facts.append(structs.replace(each, text=resolved(each.text, properties.get(module, {})), policy=policy))
    serving = {module_of(file.path) for file in program.files if _SERVES.search(file.text)}
    routed = _routed(repository)
    home = homes(repository, program.files)
    facts.extend(contracts(program.files, home, READER))
    facts.extend(undescribed(repository, program.files, home, READER))
    for file in program.files:
        module = module_of(file.path)
        facts.extend(_discovered(file, values, properties.get(module, {})))
        facts.extend(_enabled(file, module in serving, module in routed))
    called = [
        structs.replace(each, text=resolved(each.text, properties.get(module_of(each.file.path), {})), policy=_bare(each, limits))
        for each in remotes(program, values, CLIENTS, READER)
    ]
    sent = published(program, values, READER)
    begun = entries(program, values, properties, READER)
    code = tuple(programs_of(home, program.files, begun, (*called, *sent), READER))
    yield Fragment(reader=READER, facts=tuple(facts), code=code, files=tuple(file.path for file in program.files))


def _bare(remote: Remote, limits: Mapping[tuple[str, str], Policy]) -> Policy:
    found = limits.get((module_of(remote.file.path), _REST))
    return structs.replace(found, evidence=(*remote.evidence, *found.evidence)) if found is not None else remote.policy


def _discovered(file: File, values: Values, properties: Mapping[str, str]) -> Iterator[Fact]:
    """Yield the services that a file looks up by name: Feign clients, discovery and load balancer clients."""
    for node, call in file.calls:
        evidence = (Evidence(file.path, line_of(node), READER),)
        if call.function == "@FeignClient":
            url = resolved(values.text(call.argument("url")), properties)
            if url not in {"", HOLE}:
                yield Mention(directory=file.directory, key="FeignClient url", text=url, evidence=evidence)
                continue
            name = values.text(call.argument("name", "value", "serviceId", 0))
        elif call.last in _LOOKUPS and re.search(r"(?i)discovery|balancer|eureka|consul", call.function):
            name = values.text(call.argument(0))
        else:
            continue
        name = resolved(name, properties)
        if re.fullmatch(r"[\w.-]+", name):
            yield Use(directory=file.directory, kind="discovery", name=name, evidence=evidence)


def _enabled(file: File, serving: bool, routed: bool) -> Iterator[Fact]:
    """Yield what annotations make of the application; a dashboard in a program that serves requests is only an addition."""
    for node, call in file.calls:
        name = call.function.removeprefix("@")
        if name not in _ENABLED or (serving and name == "EnableHystrixDashboard"):
            continue
        kind, technology = _ENABLED[name]
        evidence = (Evidence(file.path, line_of(node), READER),)
        yield Role(directory=module_of(file.path), kind=kind, technology=technology, evidence=evidence)
        if name == "EnableZuulProxy" and not routed:
            # Without routes Zuul passes on to every service that is registered (Spring Cloud Netflix, "Embedded Zuul Reverse Proxy").
            yield Use(directory=file.directory, kind="discovery", name=EVERYBODY, evidence=evidence)


def _routed(repository: Repository) -> frozenset[str]:
    """Return the modules whose routes stand in a file, or may stand on a configuration server that is somewhere else."""
    found = set()
    for configuration in configurations(repository):
        values = {each.key: each.value for each in configuration.properties}
        remote = (
            any(key.startswith("spring.cloud.config.") for key in values) and values.get("spring.cloud.config.enabled") != "false"
        )
        if remote or any(key.startswith("zuul.routes") for key in values):
            found.add(module_of(configuration.path))
    return frozenset(found)


def _properties(repository: Repository) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for configuration in configurations(repository):
        if not configuration.application:
            found.setdefault(module_of(configuration.path), {}).update((each.key, each.value) for each in configuration.properties)
    return found


def _limits(program: Program, repository: Repository) -> dict[tuple[str, str], Policy]:
    """Return the policy of the clients of each module where it is sure: made there, and nothing in the module speaks of a timeout."""
    modules: dict[str, list[File]] = {}
    for file in program.files:
        modules.setdefault(module_of(file.path), []).append(file)
    configured = {
        module_of(configuration.path)
        for configuration in configurations(repository)
        if any(_LIMITED.search(each.key) for each in configuration.properties)
    }
    found: dict[tuple[str, str], Policy] = {}
    for module in sorted(set(modules) - configured):
        if any(_LIMITED.search(file.text) for file in modules[module]):
            continue
        for key, pattern in _BUILT.items():
            made = _places(modules[module], pattern)
            if made:
                found[module, key] = Policy(absent=(Mechanism.TIMEOUT,), evidence=made)
    return found


def _places(files: Sequence[File], pattern: re.Pattern[str]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(file.path, file.text.count("\n", 0, match.start()) + 1, READER)
        for file in files
        if "RestTemplate" in file.text or "WebClient" in file.text
        for match in pattern.finditer(file.text)
    )


def _call(node: Node) -> Expression:
    given = node.child_by_field_name("arguments")
    receiver = node.child_by_field_name("object")
    match node.type:
        case "annotation" | "marker_annotation":
            name = "@" + text_of(node.child_by_field_name("name"))
        case "object_creation_expression":
            name = text_of(node.child_by_field_name("type"))
        case _:
            name = text_of(node.child_by_field_name("name"))
            if receiver is not None and (receiver.type in {"identifier", "field_access"} or text_of(receiver) == "System.getenv()"):
                name = f"{text_of(receiver)}.{name}"
    positional, named = [], {}
    for child in given.named_children if given is not None else ():
        if child.type == "element_value_pair":
            value = child.child_by_field_name("value")
            if value is not None:
                named[text_of(child.child_by_field_name("key"))] = value
        elif child.type not in {"line_comment", "block_comment"}:
            positional.append(child)
    return Invoked(name, receiver, tuple(positional), named)


def _injected(node: Node) -> Node | None:
    """Return the text of the `@Value` of a field or parameter."""
    modifiers = next((child for child in node.named_children if child.type == "modifiers"), None)
    for annotation in modifiers.named_children if modifiers is not None else ():
        if annotation.type == "annotation" and text_of(annotation.child_by_field_name("name")) == "Value":
            given = annotation.child_by_field_name("arguments")
            return given.named_children[0] if given is not None and given.named_children else None
    return None


def _class_of(node: Node) -> str:
    holder = node.parent.parent if node.parent is not None else None
    return text_of(holder.child_by_field_name("name")) if holder is not None else ""
