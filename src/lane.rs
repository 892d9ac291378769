//! One instrument: wait -> event -> pipeline -> commands.
