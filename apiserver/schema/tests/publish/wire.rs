//! Reads texts out of protobuf without knowing its messages.

/// All texts at the path of field numbers, in order.
pub(crate) fn texts(bytes: &[u8], path: &[u64]) -> Vec<String> {
    let mut found = Vec::new();
    collect(bytes, path, &mut found);
    found
}

fn collect(mut bytes: &[u8], path: &[u64], found: &mut Vec<String>) {
    let (first, rest) = path.split_first().unwrap();
    let mut last = 0;
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        assert!(tag >> 3 >= last, "fields rise");
        last = tag >> 3;
        let len = match tag & 7 {
            0 => {
                varint(&mut bytes);
                0
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            wire => panic!("wire type {wire}"),
        };
        let (value, after) = bytes.split_at(len);
        bytes = after;
        match rest {
            _ if last != *first || tag & 7 != 2 => {}
            [] => found.push(String::from_utf8(value.to_vec()).unwrap()),
            rest => collect(value, rest, found),
        }
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
