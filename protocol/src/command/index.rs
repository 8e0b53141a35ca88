//! Finding a command of the table by its name, with everything that can be computed beforehand computed when
//! this is compiled.

use super::table::COMMANDS;

/// A slot of [`INDEX`] that holds no command.
pub(super) const EMPTY: u8 = u8::MAX;

/// Where each command of [`COMMANDS`] stands, by the hash of its name, computed when this is compiled.
pub(super) static INDEX: [u8; 128] = index();

/// Where the search for a name begins in [`INDEX`]. Letters count the same in upper and lower case.
pub(super) const fn slot(name: &[u8]) -> usize {
    let mut hash = name.len();
    // The first, the middle and the last letters tell most names apart.
    if !name.is_empty() {
        let (first, middle, last) = (name[0], name[name.len() / 2], name[name.len() - 1]);
        hash += (first as usize & 0x1f) * 7 + (middle as usize & 0x1f) * 31 + (last as usize & 0x1f) * 13;
    }
    hash % 128
}

const fn index() -> [u8; 128] {
    let mut table = [EMPTY; 128];
    let mut command = 0;
    while command < COMMANDS.len() {
        let mut at = slot(COMMANDS[command].name.as_bytes());
        while table[at] != EMPTY {
            at = (at + 1) % table.len();
        }
        table[at] = command as u8;
        command += 1;
    }
    table
}

/// The arity of each command of [`COMMANDS`], counted when this is compiled.
pub(super) static ARITIES: [i64; COMMANDS.len()] = arities();

const fn arities() -> [i64; COMMANDS.len()] {
    let mut arities = [0; COMMANDS.len()];
    let mut command = 0;
    while command < COMMANDS.len() {
        arities[command] = COMMANDS[command].arity();
        command += 1;
    }
    arities
}
