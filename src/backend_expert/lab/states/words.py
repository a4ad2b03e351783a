"""The sentences of a history, in both languages."""

from __future__ import annotations

from msgspec import Struct

from backend_expert.lab.states.flow import CacheGet, CachePut, Delete, Insert, Publish, Read, Step, UpdateWhere, Write
from backend_expert.lab.states.world import Instance
from backend_expert.model import Text


def join(*texts: Text) -> Text:
    """Return several clauses as one, separated by commas."""
    return Text(", ".join(text.en for text in texts), ", ".join(text.pt for text in texts))


def whose(instance: Instance) -> Text:
    """Return `request 1`, or `request 1 (retry 1)`."""
    en, pt = f"request {instance.request + 1}", f"requisição {instance.request + 1}"
    if instance.attempt:
        return Text(f"{en} (retry {instance.attempt})", f"{pt} (nova tentativa {instance.attempt})")
    return Text(en, pt)


class Said(Struct, frozen=True):
    """A step in words: the sentence, and what stands on its arrow in a drawing, where the lanes say who acts on whom."""

    sentence: Text
    arrow: Text


def does(actor: str, instance: Instance, what: Text) -> Said:
    """Return `actor, request 1: what`, and `what [1]` for the drawing."""
    who = whose(instance)
    sentence = Text(f"{actor}, {who.en}: {what.en}", f"{actor}, {who.pt}: {what.pt}")
    return Said(sentence, Text(f"{what.en} [{instance.key}]", f"{what.pt} [{instance.key}]"))


def itself(what: Text) -> Said:
    """Return a step of no request, such as a replica that catches up."""
    return Said(what, what)


def statement(step: Step) -> Text:
    """Return what a statement does, in short words with the names of the flow."""
    match step:
        case Insert():
            given = ", ".join(f"{name} = {value}" for name, value in step.set)
            values = f" ({given})" if given else ""
            return Text(f"inserts {step.table}{values}", f"insere {step.table}{values}")
        case Read():
            extra = (
                Text(" on the replica", " na réplica")
                if step.replica
                else Text(" for update", " com bloqueio")
                if step.lock
                else Text("", "")
            )
            return Text(f"reads {step.source}{extra.en} into {step.into}", f"lê {step.source}{extra.pt} em {step.into}")
        case Write():
            return Text(f"writes {step.column} = {step.value}", f"grava {step.column} = {step.value}")
        case UpdateWhere():
            given = ", ".join(f"{name} = {value}" for name, value in step.set)
            return Text(
                f"updates {step.table} set {given} where {step.where}", f"atualiza {step.table} com {given} onde {step.where}"
            )
        case Delete():
            return Text(f"deletes {step.table}", f"apaga {step.table}")
        case Publish():
            return Text(f"stores {step.topic} in the outbox", f"grava {step.topic} na outbox")
        case CacheGet():
            return Text(f"looks {step.column} up in the cache", f"procura {step.column} no cache")
        case CachePut() if not step.value:
            return Text(f"removes {step.column} from the cache", f"remove {step.column} do cache")
        case CachePut():
            return Text(f"puts {step.column} = {step.value} into the cache", f"põe {step.column} = {step.value} no cache")
        case _:
            return Text("goes on", "segue adiante")


def group(steps: tuple[Step, ...], commits: bool) -> Text:
    """Return what statements do that take effect together."""
    parts = tuple(statement(step) for step in steps)
    if not commits:
        return join(*parts)
    if not parts:
        return Text("commits", "faz commit")
    inner = join(*parts)
    return Text(f"commits: {inner.en}", f"faz commit: {inner.pt}")


SENDS = Text("the client sends the request", "o cliente envia a requisição")
SENDS_AGAIN = Text("the client sends the request again", "o cliente envia a requisição de novo")
GIVES_UP = Text("the client gives up waiting", "o cliente desiste de esperar")
CRASHES = Text("CRASH: the process dies here", "QUEDA: o processo morre aqui")
RECOVERS = Text("CRASH: the process dies here, the saga log takes over", "QUEDA: o processo morre aqui, o log da saga assume")
ACKNOWLEDGES = Text("acknowledges the message", "confirma a mensagem (ack)")
DUPLICATE_KEY = Text("the unique key refuses it", "a chave única recusa")
NO_ROW = Text("0 rows changed", "0 linhas alteradas")
DEADLOCK = Text("deadlock: the database rolls this transaction back", "deadlock: o banco desfaz esta transação")
REFUSED = Text("refused", "recusado")
CONFLICT = Text("the commit fails: the row has changed since the snapshot", "o commit falha: a linha mudou desde o snapshot")
RELAY_MARKS = Text("the relay marks the message as sent", "o relay marca a mensagem como enviada")
RELAY_CRASHES = Text(
    "CRASH: the relay dies before it marks the message as sent", "QUEDA: o relay morre antes de marcar a mensagem como enviada"
)
EVICTS = Text("the cache drops the entry", "o cache descarta a entrada")
CATCHES_UP = Text("the replica catches up", "a réplica se atualiza")
REQUEST_LOST = Text("TIMEOUT: the call never arrives", "TIMEOUT: a chamada nunca chega")
GIVES_UP_CALL = Text(
    "TIMEOUT: stops waiting, the other side works on", "TIMEOUT: para de esperar, o outro lado continua trabalhando"
)
LEASE_EXPIRES = Text("PAUSE: the lease expires while the holder still works", "PAUSA: o lease expira com o dono ainda trabalhando")
LEASE_OF_DEAD = Text("the lease of the dead holder expires", "o lease do dono morto expira")
SEES_OLD = Text("sees an old value", "vê um valor antigo")


def replies(status: int) -> Text:
    """Return that the caller is answered."""
    return Text(f"replies {status}", f"responde {status}")


def receives(topic: str) -> Text:
    """Return that a consumer takes a message."""
    return Text(f"receives {topic}", f"recebe {topic}")


def publishes(topic: str) -> Text:
    """Return that a message is published."""
    return Text(f"publishes {topic}", f"publica {topic}")


def relays(topic: str) -> Text:
    """Return that the relay publishes what the outbox holds."""
    return Text(f"the relay publishes {topic} from the outbox", f"o relay publica {topic} a partir da outbox")


def unconfirmed(topic: str) -> Text:
    """Return that the broker loses a message for which nobody waits."""
    return Text(
        f"CRASH: the broker dies before it stores {topic}, and nobody waits for a confirm",
        f"QUEDA: o broker morre antes de guardar {topic}, e ninguém espera a confirmação",
    )


def broker_restarts(topic: str) -> Text:
    """Return that the broker forgets transient messages."""
    return Text(f"CRASH: the broker restarts and forgets {topic}", f"QUEDA: o broker reinicia e esquece {topic}")


def duplicated(topic: str) -> Text:
    """Return that the broker delivers twice."""
    return Text(f"DUPLICATE: the broker will deliver {topic} once more", f"DUPLICATA: o broker entregará {topic} mais uma vez")


def lost(topic: str) -> Text:
    """Return that the broker loses a message."""
    return Text(f"LOSS: the broker loses {topic}", f"PERDA: o broker perde {topic}")


def effect(name: str, happens: bool = True) -> Text:
    """Return that an external call works; `happens` is false where a key makes it a repetition without effect."""
    if happens:
        return Text(f"calls {name}: done", f"chama {name}: feito")
    return Text(f"calls {name}: known already, no second effect", f"chama {name}: já conhecido, sem segundo efeito")


def effect_times_out(name: str, happened: bool) -> Text:
    """Return that the answer of an external call is missing."""
    if happened:
        return Text(f"TIMEOUT: {name} took effect, its answer is lost", f"TIMEOUT: {name} teve efeito, a resposta se perdeu")
    return Text(f"TIMEOUT: {name} fails without effect", f"TIMEOUT: {name} falha sem efeito")


def calls(name: str) -> Text:
    """Return that a handler calls another."""
    return Text(f"calls {name}", f"chama {name}")


def answered(name: str, fine: bool) -> Text:
    """Return that the answer of a call arrives."""
    if fine:
        return Text(f"has the answer of {name}", f"recebe a resposta de {name}")
    return Text(f"has an error from {name}", f"recebe um erro de {name}")


def locks(resource: str) -> Text:
    """Return that a lock is taken."""
    return Text(f"takes the lock {resource}", f"obtém o lock {resource}")


def unlocks(resource: str) -> Text:
    """Return that a lock is given back."""
    return Text(f"gives the lock {resource} back", f"devolve o lock {resource}")
