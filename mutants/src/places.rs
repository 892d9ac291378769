//! Where in a file mutants can stand.

use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::text::Edit;
use crate::{Mutant, Place};

/// Something in the source that a mutant changes. Ranges are bytes of the file.
#[derive(Clone, Debug)]
pub(crate) enum Spot {
    /// The inside of a function begins there.
    Body(usize),
    /// An expression, and the operator within it.
    Operator { whole: Range<usize>, operator: Range<usize> },
    /// The operator of a chain of `let`s.
    InLet,
    /// The condition of an arm.
    Guard(Range<usize>),
    /// A field that `..rest` would give, too.
    Field { whole: Range<usize>, name: String, rest: Range<usize>, shorthand: bool },
}

/// All places of a file.
#[derive(Default)]
pub(crate) struct Places {
    /// By the end of the function.
    bodies: BTreeMap<Place, usize>,
    /// By the operator, the guard or the field.
    spots: BTreeMap<(&'static str, Place), Spot>,
    /// Where the word `const` of a function begins, by the end of the function.
    constant: BTreeMap<Place, usize>,
}

impl Places {
    pub(crate) fn of(file: &syn::File) -> Self {
        let mut places = Self::default();
        places.visit_file(file);
        places
    }

    pub(crate) fn find(&self, mutant: &Mutant) -> Option<Spot> {
        let kind = match mutant.genre.as_str() {
            "FnValue" => {
                return self.bodies.get(&mutant.function.as_ref()?.span.end).copied().map(Spot::Body);
            }
            "BinaryOperator" | "UnaryOperator" => "operator",
            "MatchArmGuard" => "guard",
            "StructField" => "field",
            _ => return None,
        };
        self.spots.get(&(kind, mutant.span.start)).cloned()
    }

    pub(crate) fn constant(&self, end: Place) -> Option<usize> {
        self.constant.get(&end).copied()
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let end = end(block.span());
        self.bodies.insert(end, block.brace_token.span.open().byte_range().end);
        if let Some(word) = &signature.constness {
            self.constant.insert(end, word.span.byte_range().start);
        }
    }

    fn operator(&mut self, whole: Span, operator: Span) {
        let spot = Spot::Operator { whole: whole.byte_range(), operator: operator.byte_range() };
        self.spots.insert(("operator", start(operator)), spot);
    }
}

impl<'ast> Visit<'ast> for Places {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        if has_let(&binary.left) || has_let(&binary.right) {
            self.spots.insert(("operator", start(binary.op.span())), Spot::InLet);
        } else {
            self.operator(binary.span(), binary.op.span());
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        self.operator(unary.span(), unary.op.span());
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if let Some((_, guard)) = &arm.guard {
            let spot = Spot::Guard(guard.span().byte_range());
            self.spots.insert(("guard", start(guard.span())), spot);
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        if let Some(rest) = &literal.rest {
            for field in &literal.fields {
                let syn::Member::Named(name) = &field.member else { continue };
                let spot = Spot::Field {
                    whole: field.expr.span().byte_range(),
                    name: name.to_string(),
                    rest: rest.span().byte_range(),
                    shorthand: field.colon_token.is_none(),
                };
                self.spots.insert(("field", start(field.span())), spot);
            }
        }
        visit::visit_expr_struct(self, literal);
    }
}

impl Spot {
    /// What is written there for a mutant.
    pub(crate) fn edit(&self, source: &str, replacement: &str) -> Edit {
        match self {
            Self::InLet => Edit { whole: 0..0, mutated: String::new(), field: None },
            Self::Body(at) => Edit { whole: *at..*at, mutated: replacement.to_owned(), field: None },
            Self::Operator { whole, operator } => {
                let (before, after) =
                    (&source[whole.start..operator.start], &source[operator.end..whole.end]);
                Edit { whole: whole.clone(), mutated: format!("{before}{replacement}{after}"), field: None }
            }
            Self::Guard(whole) => Edit { whole: whole.clone(), mutated: replacement.to_owned(), field: None },
            Self::Field { whole, name, rest, shorthand } => Edit {
                whole: whole.clone(),
                mutated: format!("({}).{name}", &source[rest.clone()]),
                field: shorthand.then(|| name.clone()),
            },
        }
    }
}

/// Whether it is part of a chain of `let`s, which nothing can be put around.
fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

fn start(span: Span) -> Place {
    Place { line: span.start().line, column: span.start().column + 1 }
}

fn end(span: Span) -> Place {
    Place { line: span.end().line, column: span.end().column + 1 }
}
