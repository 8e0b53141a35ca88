//! What can be done over HTTP, and by which command: the one table that routes and the OpenAPI document are made of.

use actix_web::http::Method;
use tidegate_protocol::command::{Command, CommandSpec, Kind};
use tidegate_protocol::json;
use tidegate_protocol::status::Status;

/// Where all of it is.
pub(in crate::http) const ROOT: &str = "/api/v1";

/// The header that carries the request id of a command that needs one.
pub(super) const REQUEST_ID_HEADER: &str = "idempotency-key";

/// The parameter that it becomes.
const REQUEST_ID: &str = "req";

/// One method on one path.
pub(super) struct Operation {
    pub(super) method: Method,
    /// Below [`ROOT`]. What stands in braces is a parameter of the command.
    pub(super) path: &'static str,
    /// The command, as JSON calls it.
    command: &'static str,
    /// Statuses that say that it was done. All others say that the rules don't allow it.
    pub(super) done: &'static [Done],
}

/// A status that says that it was done.
pub(super) struct Done {
    pub(super) status: Status,
    pub(super) made: Made,
}

/// Whether something was made that has an address.
pub(super) enum Made {
    Nothing,
    /// What was asked for, at the address where it was asked for.
    Here,
    /// Something without an address of its own.
    Nowhere,
    /// What this field of the result names, below this path.
    At {
        field: &'static str,
        below: &'static str,
    },
}

const fn done(status: Status) -> Done {
    Done { status, made: Made::Nothing }
}

const fn made(status: Status, field: &'static str, below: &'static str) -> Done {
    Done { status, made: Made::At { field, below } }
}

const fn get(path: &'static str, command: &'static str) -> Operation {
    Operation { method: Method::GET, path, command, done: &[] }
}

const fn put(path: &'static str, command: &'static str) -> Operation {
    Operation { method: Method::PUT, path, command, done: PUT_DONE }
}

const fn post(path: &'static str, command: &'static str, done: &'static [Done]) -> Operation {
    Operation { method: Method::POST, path, command, done }
}

const PUT_DONE: &[Done] =
    &[Done { status: Status::Created, made: Made::Here }, done(Status::Updated), done(Status::Unchanged)];
// A payment that can't be applied any more was taken note of all the same.
const PAID: &[Done] = &[done(Status::Paid), done(Status::RefundDue)];
const CANCELLED: &[Done] = &[done(Status::Cancelled)];

/// Every operation but the lists, in the order of the document.
pub(super) static OPERATIONS: &[Operation] = &[
    get("/skus/{sku}", "sku.get"),
    put("/skus/{sku}", "sku.put"),
    post("/skus/{sku}/restock", "sku.restock", &[done(Status::Restocked)]),
    post("/skus/{sku}/reprice", "sku.reprice", &[done(Status::Repriced)]),
    post("/skus/{sku}/pause", "sku.pause", &[done(Status::Paused)]),
    post("/skus/{sku}/resume", "sku.resume", &[done(Status::Resumed)]),
    post("/skus/{sku}/buyers/{buyer}/block", "buyer.block", &[done(Status::Blocked)]),
    post("/skus/{sku}/buyers/{buyer}/unblock", "buyer.unblock", &[done(Status::Unblocked)]),
    post("/skus/{sku}/orders", "order.reserve", &[made(Status::Reserved, "order", "/orders")]),
    get("/orders/{order}", "order.get"),
    post("/orders/{order}/pay", "order.pay", PAID),
    post("/orders/{order}/cancel", "order.cancel", CANCELLED),
    post("/orders/{order}/refund", "order.refund", &[done(Status::Refunded)]),
    post("/skus/{sku}/rooms", "room.open", &[made(Status::Opened, "room", "/rooms")]),
    get("/rooms/{room}", "room.get"),
    post("/rooms/{room}/join", "room.join", &[made(Status::Joined, "order", "/orders")]),
    get("/campaigns/{campaign}", "campaign.get"),
    put("/campaigns/{campaign}", "campaign.put"),
    post(
        "/campaigns/{campaign}/coupons",
        "coupon.trigger",
        &[Done { status: Status::Granted, made: Made::Nowhere }],
    ),
    post("/campaigns/{campaign}/carts", "cart.reserve", &[made(Status::Reserved, "cart", "/carts")]),
    get("/carts/{cart}", "cart.get"),
    post("/carts/{cart}/pay", "cart.pay", PAID),
    post("/carts/{cart}/cancel", "cart.cancel", CANCELLED),
    get("/reports/{key}", "report"),
];

impl Operation {
    /// The command, which is one of the table's: a test looks each up.
    pub(super) fn command(&self) -> Option<Command> {
        json::method(self.command)
    }

    /// What an operation is called in the document: `order_reserve`.
    pub(super) fn id(&self) -> String {
        self.command.replace('.', "_")
    }

    /// How this status says that it was done, if it does.
    pub(super) fn done(&self, status: &str) -> Option<&'static Done> {
        self.done.iter().find(|done| done.status.word() == status)
    }
}

impl Made {
    /// 201 where something is new.
    pub(super) fn is_new(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// The names in braces.
pub(super) fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// Where the parameters of an operation stand, other than in its path.
pub(super) struct Places {
    /// The request id is in a header.
    pub(super) has_request_id: bool,
    /// The body is a document, and this parameter.
    pub(super) document: Option<String>,
    /// Members of the body, and whether they may be missing.
    pub(super) members: Vec<(String, bool)>,
}

impl Places {
    pub(super) fn of(spec: &'static CommandSpec, path: &str) -> Self {
        let mut places = Self { has_request_id: false, document: None, members: Vec::new() };
        for param in json::params(spec) {
            let name = param.name.text();
            if path_names(path).any(|known| known == name) {
                continue;
            }
            match param.kind {
                _ if name == REQUEST_ID => places.has_request_id = true,
                Kind::Json => places.document = Some(name),
                _ => places.members.push((name, param.optional)),
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_is_one_of_a_command_and_names_parameters_and_statuses_that_it_has() {
        let mut seen = BTreeSet::new();
        for operation in OPERATIONS {
            let spec = operation.command().expect(operation.command).spec();
            let params: Vec<String> = json::params(spec).map(|param| param.name.text()).collect();
            for name in path_names(operation.path) {
                assert!(params.iter().any(|param| param == name), "{}: {name}", operation.path);
            }
            for done in operation.done {
                let shape = format!("[{}", done.status.word());
                assert!(
                    spec.replies.iter().any(|reply| reply.starts_with(&shape)),
                    "{shape}] of {}",
                    spec.name
                );
            }
            assert!(seen.insert((operation.method.as_str(), operation.path)), "{} twice", operation.path);
        }
    }

    #[test]
    fn the_reference_has_every_operation_and_what_says_that_it_was_done() {
        let reference = include_str!("../../../../docs/API.md");
        for operation in OPERATIONS {
            let name = operation.command().expect(operation.command).spec().name;
            let row = format!("| `{} {}` | `{name}` |", operation.method, operation.path);
            let row = reference.lines().find(|line| line.starts_with(&row)).expect(&row);
            for done in operation.done {
                assert!(row.contains(done.status.word()), "{row}: {}", done.status);
            }
        }
        for list in super::super::lists::LISTS {
            let row = format!("| `GET {}` | | 200, a page |", list.path);
            assert!(reference.contains(&row), "{row}");
        }
    }

    #[test]
    fn every_command_of_the_sale_can_be_given_over_http() {
        use tidegate_protocol::command::COMMANDS;
        // SKU.MGET is SKU.GET several times, and the list of all SKUs.
        let missing = COMMANDS.iter().map(|spec| spec.name.to_ascii_lowercase()).filter(|name| {
            json::method(name).is_some() && !OPERATIONS.iter().any(|operation| operation.command == name)
        });
        assert_eq!(missing.collect::<Vec<_>>(), ["sku.mget"]);
    }
}
