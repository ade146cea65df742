//! Calls: each function picks its overload by the types of its arguments.

use super::eval::{Evaluated, Evaluator, Scope, compare_cost, time_part};
use super::format;
use super::math;
use super::optional::takes_optional;
use super::text;
use super::{
    Attributes, Cidr, Duration, EvalError, Function, Ip, Kids, List, Recorder, Timestamp, Value,
    Zone,
};
use std::cmp::Ordering;

/// Most arguments of a function that is not variadic.
const MAX_ARGUMENTS: usize = 4;

impl<'a, A: Attributes, R: Recorder> Evaluator<'a, A, R> {
    #[inline(never)]
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: Kids,
        scope: Scope<'_, 'a>,
    ) -> Evaluated<'a> {
        use Function as F;
        match function {
            F::Greatest => return self.extreme(Ordering::Greater, arguments, scope),
            F::Least => return self.extreme(Ordering::Less, arguments, scope),
            _ if takes_optional(function) => {
                return self.call_optional(function, arguments, scope);
            }
            _ => {}
        }
        let mut values = [Value::Null; MAX_ARGUMENTS];
        let kids = self.program.kids(arguments);
        for (slot, kid) in values.iter_mut().zip(kids) {
            *slot = self.value(*kid, scope)?;
        }
        let values = values.get(..kids.len()).ok_or(EvalError::NoOverload)?;
        let scanned: usize = values.iter().map(|value| scanned_bytes(*value)).sum();
        self.scan(scanned)?;
        match function {
            F::Size | F::StartsWith | F::EndsWith | F::Contains => search(function, values),
            F::ToInt
            | F::ToUint
            | F::ToDouble
            | F::ToStr
            | F::ToBytes
            | F::ToBool
            | F::ToTimestamp
            | F::ToDuration
            | F::Dyn
            | F::TypeOf => self.convert(function, values),
            F::TimePart(part) => match values {
                [time] => time_part(part, *time, &Zone::UTC),
                [Value::Timestamp(time), Value::Str(zone)] => {
                    let zone = Zone::parse(zone).ok_or(EvalError::InvalidArgument)?;
                    time_part(part, Value::Timestamp(*time), &zone)
                }
                _ => Err(EvalError::NoOverload),
            },
            F::CharAt | F::IndexOf | F::LastIndexOf | F::Trim | F::Substring => {
                cut(function, values)
            }
            F::LowerAscii
            | F::UpperAscii
            | F::Replace
            | F::Split
            | F::Join
            | F::Reverse
            | F::Quote
            | F::Format => self.build_text(function, values),
            F::Round(rounding) => unary(values).and_then(|value| math::round(rounding, value)),
            F::TestDouble(test) => unary(values).and_then(|value| math::test_double(test, value)),
            F::Abs => unary(values).and_then(math::absolute),
            F::Sign => unary(values).and_then(math::sign),
            F::Sqrt => unary(values).and_then(math::square_root),
            F::BitNot => unary(values).and_then(math::bit_not),
            F::Bits(op) => match values {
                [left, right] => math::bits(op, *left, *right),
                _ => Err(EvalError::NoOverload),
            },
            F::Matches => Err(EvalError::InvalidArgument),
            _ => network(function, values),
        }
    }

    fn extreme(
        &mut self,
        wanted: Ordering,
        arguments: Kids,
        scope: Scope<'_, 'a>,
    ) -> Evaluated<'a> {
        let kids = self.program.kids(arguments);
        if let [only] = kids
            && let Value::List(list) = self.value(*only, scope)?
        {
            self.spend(compare_cost(list.len()))?;
            return math::extreme_of_list(wanted, list);
        }
        let mut best = None;
        for kid in kids {
            let value = self.value(*kid, scope)?;
            best = Some(math::extreme(wanted, best.into_iter().chain([value]))?);
        }
        best.ok_or(EvalError::NoOverload)
    }

    fn convert(&self, function: Function, values: &[Value<'a>]) -> Evaluated<'a> {
        let value = unary(values)?;
        match (function, value) {
            (Function::ToInt, _) => math::to_int(value),
            (Function::ToUint, _) => math::to_uint(value),
            (Function::ToDouble, _) => math::to_double(value),
            (Function::Dyn, _) => Ok(value),
            (Function::TypeOf, _) => Ok(Value::Type(value.type_name())),
            (Function::ToBool, Value::Bool(_)) => Ok(value),
            (Function::ToBool, Value::Str(text)) => text::to_bool(text).map(Value::Bool),
            (Function::ToBytes, Value::Bytes(_)) => Ok(value),
            (Function::ToBytes, Value::Str(text)) => Ok(Value::Bytes(text.as_bytes())),
            (Function::ToTimestamp, Value::Timestamp(_)) => Ok(value),
            (Function::ToTimestamp, Value::Str(text)) => {
                Timestamp::parse(text).map(Value::Timestamp)
            }
            (Function::ToTimestamp, Value::Int(seconds)) => {
                Timestamp::new(seconds, 0).map(Value::Timestamp)
            }
            (Function::ToDuration, Value::Duration(_)) => Ok(value),
            (Function::ToDuration, Value::Str(text)) => Duration::parse(text).map(Value::Duration),
            (Function::ToStr, _) => self.to_str(value),
            _ => Err(EvalError::NoOverload),
        }
    }

    fn to_str(&self, value: Value<'a>) -> Evaluated<'a> {
        let text = match value {
            Value::Str(text) => text,
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Bytes(bytes) => {
                std::str::from_utf8(bytes).map_err(|_| EvalError::InvalidArgument)?
            }
            Value::Double(value) => self.arena.text(|out| Ok(text::double(out, value)?))?,
            Value::Ip(ip) => self.arena.text(|out| Ok(write!(out, "{ip}")?))?,
            Value::Cidr(cidr) => self.arena.text(|out| Ok(write!(out, "{cidr}")?))?,
            Value::Int(_) | Value::Uint(_) | Value::Timestamp(_) | Value::Duration(_) => {
                self.arena.text(|out| format::write_value(out, value))?
            }
            _ => return Err(EvalError::NoOverload),
        };
        Ok(Value::Str(text))
    }

    /// The string functions whose result is not a part of an argument.
    fn build_text(&mut self, function: Function, values: &[Value<'a>]) -> Evaluated<'a> {
        let built = match (function, values) {
            (Function::LowerAscii, [Value::Str(text)]) => self.arena.text(|out| {
                Ok(text
                    .chars()
                    .try_for_each(|c| out.write_char(c.to_ascii_lowercase()))?)
            }),
            (Function::UpperAscii, [Value::Str(text)]) => self.arena.text(|out| {
                Ok(text
                    .chars()
                    .try_for_each(|c| out.write_char(c.to_ascii_uppercase()))?)
            }),
            (Function::Reverse, [Value::Str(text)]) => self
                .arena
                .text(|out| Ok(text.chars().rev().try_for_each(|c| out.write_char(c))?)),
            (Function::Quote, [Value::Str(text)]) => {
                self.arena.text(|out| Ok(text::quote(out, text)?))
            }
            (Function::Replace, [Value::Str(text), Value::Str(old), Value::Str(new)]) => self
                .arena
                .text(|out| Ok(text::replace(out, text, old, new, -1)?)),
            (
                Function::Replace,
                [
                    Value::Str(text),
                    Value::Str(old),
                    Value::Str(new),
                    Value::Int(limit),
                ],
            ) => self
                .arena
                .text(|out| Ok(text::replace(out, text, old, new, *limit)?)),
            (Function::Format, [Value::Str(template), Value::List(arguments)]) => self
                .arena
                .text(|out| format::format(out, template, *arguments)),
            (Function::Join, [Value::List(list)]) => self.join(*list, ""),
            (Function::Join, [Value::List(list), Value::Str(separator)]) => {
                self.join(*list, separator)
            }
            (Function::Split, [Value::Str(text), Value::Str(separator)]) => {
                return self.split(text, separator, -1);
            }
            (Function::Split, [Value::Str(text), Value::Str(separator), Value::Int(limit)]) => {
                return self.split(text, separator, *limit);
            }
            _ => Err(EvalError::NoOverload),
        };
        built.map(Value::Str)
    }

    fn join(&self, list: List<'a>, separator: &str) -> Result<&'a str, EvalError> {
        self.arena.text(|out| {
            for (index, item) in list.iter().enumerate() {
                let Value::Str(text) = item else {
                    return Err(EvalError::NoOverload);
                };
                out.write_str(if index == 0 { "" } else { separator })?;
                out.write_str(text)?;
            }
            Ok(())
        })
    }

    fn split(&mut self, text: &'a str, separator: &str, limit: i64) -> Evaluated<'a> {
        let mut count = 0;
        text::split(text, separator, limit, |_| count += 1);
        let parts = self.arena.slice(count, "")?;
        let mut slots = parts.iter_mut();
        text::split(text, separator, limit, |part| {
            if let Some(slot) = slots.next() {
                *slot = part;
            }
        });
        Ok(Value::List(List::Strs(parts)))
    }
}

fn unary<'a>(values: &[Value<'a>]) -> Evaluated<'a> {
    match values {
        [value] => Ok(*value),
        _ => Err(EvalError::NoOverload),
    }
}

/// The bytes of an argument that a function may have to look at.
fn scanned_bytes(value: Value<'_>) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => 0,
    }
}

fn search<'a>(function: Function, values: &[Value<'a>]) -> Evaluated<'a> {
    let size = |count: usize| Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)));
    match (function, values) {
        (Function::Size, [Value::Str(text)]) => size(text::length(text)),
        (Function::Size, [Value::Bytes(bytes)]) => size(bytes.len()),
        (Function::Size, [Value::List(list)]) => size(list.len()),
        (Function::Size, [Value::Map(map)]) => size(map.len()),
        (Function::StartsWith, [Value::Str(a), Value::Str(b)]) => Ok(Value::Bool(a.starts_with(b))),
        (Function::EndsWith, [Value::Str(a), Value::Str(b)]) => Ok(Value::Bool(a.ends_with(b))),
        (Function::Contains, [Value::Str(a), Value::Str(b)]) => Ok(Value::Bool(a.contains(b))),
        _ => Err(EvalError::NoOverload),
    }
}

/// The string functions whose result is a part of the string, or a place in it.
fn cut<'a>(function: Function, values: &[Value<'a>]) -> Evaluated<'a> {
    match (function, values) {
        (Function::CharAt, [Value::Str(text), Value::Int(at)]) => {
            text::char_at(text, *at).map(Value::Str)
        }
        (Function::Trim, [Value::Str(text)]) => Ok(Value::Str(text.trim())),
        (Function::Substring, [Value::Str(text), Value::Int(start)]) => {
            text::substring(text, *start, None).map(Value::Str)
        }
        (Function::Substring, [Value::Str(text), Value::Int(start), Value::Int(end)]) => {
            text::substring(text, *start, Some(*end)).map(Value::Str)
        }
        (Function::IndexOf, [Value::Str(text), Value::Str(needle)]) => {
            text::index_of(text, needle, 0).map(Value::Int)
        }
        (Function::IndexOf, [Value::Str(text), Value::Str(needle), Value::Int(from)]) => {
            text::index_of(text, needle, *from).map(Value::Int)
        }
        (Function::LastIndexOf, [Value::Str(text), Value::Str(needle)]) => {
            text::last_index_of(text, needle, None).map(Value::Int)
        }
        (Function::LastIndexOf, [Value::Str(text), Value::Str(needle), Value::Int(upto)]) => {
            text::last_index_of(text, needle, Some(*upto)).map(Value::Int)
        }
        _ => Err(EvalError::NoOverload),
    }
}

fn network<'a>(function: Function, values: &[Value<'a>]) -> Evaluated<'a> {
    use Function as F;
    let invalid = EvalError::InvalidArgument;
    Ok(match (function, values) {
        (F::ToIp, [Value::Str(text)]) => Value::Ip(Ip::parse(text).ok_or(invalid)?),
        (F::ToIp, [Value::Ip(ip)]) => Value::Ip(*ip),
        (F::ToCidr, [Value::Str(text)]) => Value::Cidr(Cidr::parse(text).ok_or(invalid)?),
        (F::ToCidr, [Value::Cidr(cidr)]) => Value::Cidr(*cidr),
        (F::IsIp, [Value::Str(text)]) => Value::Bool(Ip::parse(text).is_some()),
        (F::IsCidr, [Value::Str(text)]) => Value::Bool(Cidr::parse(text).is_some()),
        (F::IsCanonicalIp, [Value::Str(text)]) => {
            let ip = Ip::parse(text).ok_or(invalid)?;
            Value::Bool(reads_as(ip, text))
        }
        (F::IpFamily, [Value::Ip(ip)]) => Value::Int(ip.family()),
        (F::IsUnspecified, [Value::Ip(ip)]) => Value::Bool(ip.is_unspecified()),
        (F::IsLoopback, [Value::Ip(ip)]) => Value::Bool(ip.is_loopback()),
        (F::IsGlobalUnicast, [Value::Ip(ip)]) => Value::Bool(ip.is_global_unicast()),
        (F::IsLinkLocalMulticast, [Value::Ip(ip)]) => Value::Bool(ip.is_link_local_multicast()),
        (F::IsLinkLocalUnicast, [Value::Ip(ip)]) => Value::Bool(ip.is_link_local_unicast()),
        (F::ContainsIp, [Value::Cidr(cidr), ip]) => {
            let ip = match ip {
                Value::Ip(ip) => *ip,
                Value::Str(text) => Ip::parse(text).ok_or(invalid)?,
                _ => return Err(EvalError::NoOverload),
            };
            Value::Bool(cidr.contains_ip(ip))
        }
        (F::ContainsCidr, [Value::Cidr(cidr), other]) => {
            let other = match other {
                Value::Cidr(other) => *other,
                Value::Str(text) => Cidr::parse(text).ok_or(invalid)?,
                _ => return Err(EvalError::NoOverload),
            };
            Value::Bool(cidr.contains_cidr(other))
        }
        (F::CidrIp, [Value::Cidr(cidr)]) => Value::Ip(cidr.ip()),
        (F::CidrMasked, [Value::Cidr(cidr)]) => Value::Cidr(cidr.masked()),
        (F::CidrPrefixLength, [Value::Cidr(cidr)]) => Value::Int(cidr.prefix_length()),
        (F::InCidr, [Value::Ip(ip), blocks]) => Value::Bool(in_blocks(*ip, *blocks)?),
        _ => return Err(EvalError::NoOverload),
    })
}

fn in_blocks(ip: Ip, blocks: Value<'_>) -> Result<bool, EvalError> {
    match blocks {
        Value::Cidr(block) => Ok(block.contains_ip(ip)),
        Value::Str(text) => Cidr::parse(text)
            .map(|block| block.contains_ip(ip))
            .ok_or(EvalError::InvalidArgument),
        Value::List(list) => {
            let mut found = false;
            for block in list.iter() {
                if matches!(block, Value::List(_)) {
                    return Err(EvalError::NoOverload);
                }
                found |= in_blocks(ip, block)?;
            }
            Ok(found)
        }
        _ => Err(EvalError::NoOverload),
    }
}

/// Whether an address is written exactly as `text`.
fn reads_as(ip: Ip, text: &str) -> bool {
    struct Compare<'a>(Option<&'a str>);
    impl std::fmt::Write for Compare<'_> {
        fn write_str(&mut self, written: &str) -> std::fmt::Result {
            self.0 = self.0.and_then(|rest| rest.strip_prefix(written));
            Ok(())
        }
    }
    let mut compare = Compare(Some(text));
    std::fmt::write(&mut compare, format_args!("{ip}")).is_ok() && compare.0 == Some("")
}
