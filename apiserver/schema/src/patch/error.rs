//! What can be wrong with a patch, and what the API answers then.

use crate::error::{DecodeError, EncodeError};
use crate::scalar::base64::Corrupt;
use crate::scalar::quote::quote;

/// How many operations a JSON patch may have.
pub const OPERATIONS_MAX: usize = 10_000;

/// How many bytes a JSON patch may copy within an object.
pub const COPIED_BYTES_MAX: usize = 3 << 20;

/// How much work a JSON patch may make, in bytes read and list items moved: a few hundred milliseconds. A patch within
/// the other limits that hits this one moves megabytes thousands of times.
pub const WORK_MAX: usize = 1 << 29;

/// Why a patch cannot be applied. Its text is the answer's message, except as [`PatchError::answer`] says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// The patch is no JSON, or nested too deeply. Known before the object is looked for; everything else after that.
    #[error("invalid JSON patch")]
    NotJson,
    /// The patch is not what its kind looks like.
    #[error("{0}")]
    Malformed(DecodeError),
    /// The same, where upstream says so in more words.
    #[error("error decoding patch: {0}")]
    Undecodable(DecodeError),
    /// A merge patch that is no object.
    #[error("Invalid JSON Patch")]
    NotMergePatch,
    /// More operations than [`OPERATIONS_MAX`].
    #[error("The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {0}")]
    TooManyOperations(usize),
    /// More work than [`WORK_MAX`]. (Upstream has no such limit.)
    #[error("the JSON patch moves or reads too much, the limit is {WORK_MAX} bytes and items")]
    TooMuchWork,
    /// An operation of a JSON patch does not apply.
    #[error("operation {at} of the JSON patch: {why}")]
    Operation {
        /// Which one, from 0.
        at: usize,
        /// Why.
        why: OperationError,
    },
    /// The patched object cannot be decoded, or has fields that are unknown or there twice where that is refused.
    #[error("{detail}")]
    Invalid {
        /// The patched object as JSON, or of a strategic merge patch what is left of the patch, as Go prints it.
        value: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A strategic merge patch that does not fit the object.
    #[error("{0}")]
    Strategic(StrategicError),
    /// The object that is to be patched cannot be written.
    #[error("{0}")]
    Encode(EncodeError),
    /// A patch that upstream's server dies of: it drops the connection.
    #[error("the patch compares or takes apart what upstream cannot")]
    Fatal,
}

/// The kinds of answer to a [`PatchError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 400, `BadRequest`. The message is the error's text.
    BadRequest,
    /// 413, `RequestEntityTooLarge`. The message is the error's text behind `Request entity too large: `.
    TooLarge,
    /// 422, `Invalid`, with empty details. The message is
    /// `the server rejected our request due to an error in our request`; why is nobody's business but the log's.
    Rejected,
    /// 422, `Invalid`, for an object without kind and name. One cause: field `patch`, an invalid value (quoted) and the
    /// detail. So the message begins with ` "" is invalid: patch: Invalid value: `.
    Invalid,
    /// 500 without a reason. The message is the error's text.
    Unknown,
}

impl PatchError {
    /// What the API answers. Clients see and compare these, so they are upstream's throughout.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::NotJson | Self::Malformed(_) | Self::Undecodable(_) | Self::NotMergePatch => {
                Answer::BadRequest
            }
            Self::TooManyOperations(_) | Self::TooMuchWork => Answer::TooLarge,
            Self::Operation { .. } | Self::Strategic(StrategicError::ListOfLists) => Answer::Rejected,
            Self::Invalid { .. } => Answer::Invalid,
            Self::Strategic(
                StrategicError::PrimitiveList
                | StrategicError::RetainKeys
                | StrategicError::SetElementOrder
                | StrategicError::Unsupported,
            ) => Answer::BadRequest,
            Self::Strategic(_) | Self::Encode(_) | Self::Fatal => Answer::Unknown,
        }
    }
}

/// Why an operation of a JSON patch does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// Nobody knows the operation.
    #[error("there is no such operation")]
    Unknown,
    /// It has no `path`, or no `from` where it needs one.
    #[error("a pointer is missing")]
    NoPointer,
    /// There is nothing where it points.
    #[error("there is no such place")]
    NoPlace,
    /// A list has no such item.
    #[error("the list has no such place")]
    NoIndex,
    /// The object was to be replaced with something else.
    #[error("an object cannot be replaced with that")]
    NoObject,
    /// The value is another one.
    #[error("the test failed")]
    TestFailed,
    /// More than [`COPIED_BYTES_MAX`].
    #[error("copies add up to more than {COPIED_BYTES_MAX} bytes")]
    Copied,
    /// Deeper than this server follows.
    #[error("the pointer or the value is too deep")]
    TooDeep,
}

/// Why a strategic merge patch does not fit, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrategicError {
    /// `$deleteFromPrimitiveList` without a field.
    #[error("invalid patch format of primitive list")]
    PrimitiveList,
    /// `$retainKeys` that is no list, or does not name what the patch sets.
    #[error("invalid patch format of retainKeys")]
    RetainKeys,
    /// `$setElementOrder` without a field.
    #[error("invalid patch format of setElementOrder list")]
    SetElementOrder,
    /// The object has no Go type. (The resource should not have taken the patch.)
    #[error("strategic merge patch format is not supported")]
    Unsupported,
    /// A list that is to be merged holds lists.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// An item has no key.
    #[error("map: {map} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item, as Go prints it.
        map: String,
        /// The key.
        key: String,
    },
    /// Something else than needed.
    #[error("expected a {expected}, but received a {found}")]
    Type {
        /// Go's name of what was needed.
        expected: &'static str,
        /// Go's name of what was there.
        found: &'static str,
    },
    /// A `$patch` that nobody knows.
    #[error("unknown patch type: {directive} in map: {map}")]
    Directive {
        /// It, as Go prints it.
        directive: String,
        /// Where it stands, as Go prints it.
        map: String,
    },
    /// `$patch: merge` in a list.
    #[error("merging lists cannot yet be specified in the patch")]
    MergeDirective,
    /// A list of objects holds something else.
    #[error("value for key {0} is not a map")]
    NotAMap(usize),
    /// Lists that are to be merged hold values of several types.
    #[error("list element types are not identical: {0}")]
    Mixed(String),
    /// Lists that are to be ordered are empty.
    #[error("no elements in any of the given slices")]
    Empty,
    /// A list of objects is to be merged, but nobody knows by what.
    #[error("cannot merge lists without merge key for {0}")]
    NoKey(&'static str),
    /// `$setElementOrder` contradicts the list.
    #[error("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")]
    Order {
        /// The list, as Go prints it.
        patch: String,
        /// The order, as Go prints it.
        order: String,
    },
    /// A type has no such field.
    #[error("unable to find api field in struct {of} for the json field {}", quote(.field))]
    NoField {
        /// The type.
        of: String,
        /// The field.
        field: String,
    },
    /// Fields of something that has none.
    #[error("merging an object in json but data type is not struct, instead is: {0}")]
    NotStruct(&'static str),
    /// Items of something that has none. (Upstream names the type around it.)
    #[error("expected slice or array type, but got: {0}")]
    NotSlice(&'static str),
}

/// Why a value of a strategic merge patch is none of its field's, in upstream's words.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum SettleError {
    #[error("cannot convert {from} to {to}")]
    Convert { from: &'static str, to: String },
    #[error("unrecognized type: {0}")]
    Unrecognized(&'static str),
    #[error("cannot restore struct from: {0}")]
    Struct(&'static str),
    #[error("cannot restore map from {0}")]
    Map(&'static str),
    #[error("cannot restore slice from {0}")]
    Slice(&'static str),
    #[error("error decoding from json: {0}")]
    Base64(Corrupt),
    #[error("{0}")]
    Decode(#[from] DecodeError),
}

/// Why merging ended: an error in upstream's words, or [`PatchError::Fatal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Error(StrategicError),
    Fatal,
}

impl From<StrategicError> for Stop {
    fn from(error: StrategicError) -> Self {
        Self::Error(error)
    }
}

impl From<Stop> for PatchError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Error(error) => Self::Strategic(error),
            Stop::Fatal => Self::Fatal,
        }
    }
}
