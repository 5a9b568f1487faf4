//! [`Machine`]: the processor architectures that Oro runs on.

/// A processor architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Machine {
    /// x86_64, little-endian.
    X86_64,
    /// AArch64, little-endian.
    Aarch64,
}

impl Machine {
    /// The name by which manifests and people call it: `x86_64` or `aarch64`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The number in an ELF header's `e_machine`.
    ///
    /// ```
    /// assert_eq!(oro_image::Machine::Aarch64.elf_number(), 183);
    /// ```
    #[must_use]
    pub const fn elf_number(self) -> u16 {
        match self {
            Self::X86_64 => elf::abi::EM_X86_64,
            Self::Aarch64 => elf::abi::EM_AARCH64,
        }
    }

    /// The machine with this `e_machine`, if Oro runs on it.
    #[must_use]
    pub const fn from_elf_number(number: u16) -> Option<Self> {
        match number {
            elf::abi::EM_X86_64 => Some(Self::X86_64),
            elf::abi::EM_AARCH64 => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// The type number of the machine's `R_*_RELATIVE` relocation.
    pub(crate) const fn relative_relocation(self) -> u32 {
        match self {
            Self::X86_64 => elf::abi::R_X86_64_RELATIVE,
            Self::Aarch64 => elf::abi::R_AARCH64_RELATIVE,
        }
    }
}
