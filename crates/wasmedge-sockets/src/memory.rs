use std::{
    io::{IoSlice, IoSliceMut},
    ops::Range,
};

use smallvec::SmallVec;

use crate::errno::Errno;

/// A guest's memory, as WasmEdge reads it: what is outside of it is `EFAULT`, what is not aligned `EADDRNOTAVAIL`.
pub(crate) struct Memory<'a>(pub(crate) &'a mut [u8]);

impl Memory<'_> {
    /// Where so many bytes are.
    pub(crate) fn range(&self, at: u32, length: u32) -> Result<Range<usize>, Errno> {
        let start = at as usize;
        let end = start.checked_add(length as usize).ok_or(Errno::FAULT)?;
        if end <= self.0.len() { Ok(start..end) } else { Err(Errno::FAULT) }
    }

    /// Where something of this size is, which is aligned so.
    pub(crate) fn place(&self, at: u32, size: u32, alignment: u32) -> Result<Range<usize>, Errno> {
        if at.is_multiple_of(alignment) { self.range(at, size) } else { Err(Errno::ADDRNOTAVAIL) }
    }

    pub(crate) fn bytes(&self, at: u32, length: u32) -> Result<&[u8], Errno> {
        Ok(&self.0[self.range(at, length)?])
    }

    pub(crate) fn u8(&self, at: u32) -> Result<u8, Errno> {
        Ok(self.0[self.range(at, 1)?.start])
    }

    pub(crate) fn u16(&self, at: u32) -> Result<u16, Errno> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&self, at: u32) -> Result<u32, Errno> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&self, at: u32) -> Result<u64, Errno> {
        self.array(at).map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&self, at: u32) -> Result<[u8; N], Errno> {
        let place = self.place(at, N as u32, N as u32)?;
        self.0[place].try_into().map_err(|_| Errno::FAULT)
    }

    pub(crate) fn set(&mut self, at: u32, bytes: &[u8]) -> Result<(), Errno> {
        let length = u32::try_from(bytes.len()).map_err(|_| Errno::FAULT)?;
        let range = self.range(at, length)?;
        self.0[range].copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn set_u16(&mut self, at: u32, value: u16) -> Result<(), Errno> {
        self.place(at, 2, 2)?;
        self.set(at, &value.to_le_bytes())
    }

    pub(crate) fn set_u32(&mut self, at: u32, value: u32) -> Result<(), Errno> {
        self.place(at, 4, 4)?;
        self.set(at, &value.to_le_bytes())
    }

    /// Reads a list of buffers; each is in the memory.
    pub(crate) fn buffers(&self, at: u32, count: u32) -> Result<Buffers, Errno> {
        if count > BUFFERS {
            return Err(Errno::INVAL);
        }
        let list = self.place(at, count * 8, 4)?;
        let mut total = 0_u32;
        let mut ranges = SmallVec::with_capacity(count as usize);
        for entry in self.0[list].chunks_exact(8) {
            let number =
                |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
            // The sum is a number of 32 bits, and so is what the guest is told.
            let length = number(4).min(u32::MAX - total);
            total += length;
            ranges.push(self.range(number(0), length)?);
        }
        Ok(Buffers { ranges, total: total as usize })
    }
}

/// Where the bytes of one call come from or go to, in this order.
#[derive(Debug)]
pub(crate) struct Buffers {
    ranges: SmallVec<[Range<usize>; 2]>,
    total: usize,
}

impl Buffers {
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Where the one buffer is, if there is one: the system has shorter calls for that.
    pub(crate) fn only(&self) -> Option<Range<usize>> {
        match &*self.ranges {
            [range] => Some(range.clone()),
            _ => None,
        }
    }

    /// Leaves out the first bytes.
    pub(crate) fn skip(&mut self, mut bytes: usize) {
        for range in &mut self.ranges {
            let some = bytes.min(range.len());
            range.start += some;
            bytes -= some;
            self.total -= some;
        }
        self.ranges.retain(|range| range.start < range.end);
    }

    pub(crate) fn slices<'a>(&self, memory: &'a [u8]) -> Vec<IoSlice<'a>> {
        self.ranges.iter().map(|range| IoSlice::new(&memory[range.clone()])).collect()
    }

    /// The buffers themselves, if they follow one another in memory and none is part of another.
    pub(crate) fn slices_mut<'a>(&self, memory: &'a mut [u8]) -> Option<Vec<IoSliceMut<'a>>> {
        let mut slices = Vec::with_capacity(self.ranges.len());
        let (mut rest, mut before) = (memory, 0);
        for range in &self.ranges {
            let (_, from) = rest.split_at_mut_checked(range.start.checked_sub(before)?)?;
            let (slice, after) = from.split_at_mut_checked(range.len())?;
            slices.push(IoSliceMut::new(slice));
            (rest, before) = (after, range.end);
        }
        Some(slices)
    }

    /// Copies bytes to where they belong.
    pub(crate) fn fill(&self, memory: &mut [u8], mut bytes: &[u8]) {
        for range in &self.ranges {
            let (some, rest) = bytes.split_at(bytes.len().min(range.len()));
            memory[range.start..range.start + some.len()].copy_from_slice(some);
            bytes = rest;
        }
    }
}

/// The most buffers of one call, as in WasmEdge (`kIOVMax`) and in Linux.
const BUFFERS: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_or_not_aligned_is_an_error() {
        let mut bytes = [0; 64];
        let mut memory = Memory(&mut bytes);
        assert_eq!(memory.u32(60), Ok(0));
        assert_eq!(memory.u32(64), Err(Errno::FAULT));
        assert_eq!(memory.u32(58), Err(Errno::ADDRNOTAVAIL));
        assert_eq!(memory.u32(u32::MAX), Err(Errno::ADDRNOTAVAIL), "as WasmEdge, which looks at that first");
        assert_eq!(memory.u32(u32::MAX - 3), Err(Errno::FAULT));
        assert_eq!(memory.set_u16(64, 1), Err(Errno::FAULT));
        assert_eq!(memory.set_u32(2, 1), Err(Errno::ADDRNOTAVAIL));
        assert_eq!(memory.set(60, &[1; 5]), Err(Errno::FAULT));
        assert_eq!(memory.bytes(64, 0), Ok(&[][..]));
        assert_eq!(memory.bytes(65, 0), Err(Errno::FAULT));
        assert_eq!(bytes, [0; 64]);
    }

    fn list(buffers: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; 8 * buffers.len() + 64];
        for (index, (at, length)) in buffers.iter().enumerate() {
            bytes[index * 8..][..4].copy_from_slice(&at.to_le_bytes());
            bytes[index * 8 + 4..][..4].copy_from_slice(&length.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn buffers_are_checked() {
        let mut bytes = list(&[(16, 4), (24, 8)]);
        assert_eq!(Memory(&mut bytes).buffers(0, 2).unwrap().total(), 12);
        assert_eq!(Memory(&mut bytes).buffers(2, 1).unwrap_err(), Errno::ADDRNOTAVAIL);
        assert_eq!(Memory(&mut bytes).buffers(0, 1025).unwrap_err(), Errno::INVAL);
        assert_eq!(Memory(&mut bytes).buffers(0, 100).unwrap_err(), Errno::FAULT);
        for outside in [(80, 1), (79, 2), (u32::MAX, 1), (1, u32::MAX)] {
            let mut bytes = list(&[(16, 4), outside]);
            assert_eq!(Memory(&mut bytes).buffers(0, 2).unwrap_err(), Errno::FAULT, "{outside:?}");
        }
    }

    #[test]
    fn buffers_that_overlap_are_not_borrowed_twice() {
        let parts = |buffers: &[(u32, u32)]| {
            let mut bytes = list(buffers);
            let count = buffers.len() as u32;
            let buffers = Memory(&mut bytes).buffers(0, count).unwrap();
            buffers.slices_mut(&mut bytes).map(|slices| slices.len())
        };
        assert_eq!(parts(&[(16, 4), (20, 4)]), Some(2));
        assert_eq!(parts(&[(16, 4), (16, 4)]), None);
        assert_eq!(parts(&[(20, 4), (16, 4)]), None);
        assert_eq!(parts(&[(16, 8), (20, 1)]), None);
    }

    #[test]
    fn bytes_are_skipped_and_filled_in_order() {
        let mut bytes = list(&[(40, 2), (20, 0), (30, 3)]);
        let mut buffers = Memory(&mut bytes).buffers(0, 3).unwrap();
        buffers.fill(&mut bytes, b"abcd");
        assert_eq!((&bytes[40..42], &bytes[30..33]), (&b"ab"[..], &b"cd\0"[..]));
        buffers.skip(3);
        assert_eq!(buffers.total(), 2);
        buffers.fill(&mut bytes, b"xy");
        assert_eq!(&bytes[30..33], b"cxy");
    }
}
