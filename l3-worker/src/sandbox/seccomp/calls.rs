//! System calls that are denied whatever their arguments are.

use nix::libc;

/// One system call that is always denied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Its number on this architecture.
    pub number: i64,
    /// Its name, for people.
    pub name: &'static str,
    /// Debuggers need it.
    pub debug: bool,
    /// Worth telling: nothing but an attack, a debugger or a sandbox of its own does this. The others
    /// are tried by ordinary programs, which go on without.
    pub telling: bool,
}

macro_rules! calls {
    ($($(#[$only:meta])* $name:literal $number:expr, $kind:ident;)*) => {
        &[$($(#[$only])* Call {
            number: $number,
            name: $name,
            debug: matches!(Kind::$kind, Kind::Debug),
            telling: !matches!(Kind::$kind, Kind::Quiet),
        },)*]
    };
}

/// How a denied call is dealt with.
enum Kind {
    Telling,
    Debug,
    Quiet,
}

/// All of them. Numbers from 424 on are the same on every architecture.
pub(crate) const DENIED: &[Call] = calls! {
    "ptrace" libc::SYS_ptrace, Debug;
    "process_vm_readv" libc::SYS_process_vm_readv, Debug;
    "process_vm_writev" libc::SYS_process_vm_writev, Debug;
    "kcmp" libc::SYS_kcmp, Debug;
    "pidfd_getfd" 438, Debug;
    "process_madvise" 440, Quiet;
    "bpf" libc::SYS_bpf, Telling;
    "perf_event_open" libc::SYS_perf_event_open, Telling;
    "userfaultfd" libc::SYS_userfaultfd, Telling;
    "io_uring_setup" 425, Telling;
    "io_uring_enter" 426, Telling;
    "io_uring_register" 427, Telling;
    "add_key" libc::SYS_add_key, Telling;
    "request_key" libc::SYS_request_key, Telling;
    "keyctl" libc::SYS_keyctl, Telling;
    "mount" libc::SYS_mount, Telling;
    "umount2" libc::SYS_umount2, Telling;
    "pivot_root" libc::SYS_pivot_root, Telling;
    "chroot" libc::SYS_chroot, Telling;
    "open_tree" 428, Telling;
    "move_mount" 429, Telling;
    "fsopen" 430, Telling;
    "fsconfig" 431, Telling;
    "fsmount" 432, Telling;
    "fspick" 433, Telling;
    "mount_setattr" 442, Telling;
    "open_tree_attr" 467, Telling;
    "setns" libc::SYS_setns, Telling;
    "open_by_handle_at" libc::SYS_open_by_handle_at, Telling;
    "init_module" libc::SYS_init_module, Telling;
    "finit_module" libc::SYS_finit_module, Telling;
    "delete_module" libc::SYS_delete_module, Telling;
    "kexec_load" libc::SYS_kexec_load, Telling;
    "kexec_file_load" KEXEC_FILE_LOAD, Telling;
    "reboot" libc::SYS_reboot, Telling;
    "swapon" libc::SYS_swapon, Telling;
    "swapoff" libc::SYS_swapoff, Telling;
    "acct" libc::SYS_acct, Telling;
    "quotactl" libc::SYS_quotactl, Telling;
    "quotactl_fd" 443, Telling;
    "clock_settime" libc::SYS_clock_settime, Quiet;
    "settimeofday" libc::SYS_settimeofday, Quiet;
    "fanotify_init" libc::SYS_fanotify_init, Quiet;
    "fanotify_mark" libc::SYS_fanotify_mark, Quiet;
    "lookup_dcookie" libc::SYS_lookup_dcookie, Quiet;
    "nfsservctl" libc::SYS_nfsservctl, Quiet;
    "vhangup" libc::SYS_vhangup, Telling;
    "syslog" libc::SYS_syslog, Quiet;
    "lsm_set_self_attr" 460, Quiet;
    #[cfg(target_arch = "x86_64")]
    "iopl" libc::SYS_iopl, Telling;
    #[cfg(target_arch = "x86_64")]
    "ioperm" libc::SYS_ioperm, Telling;
    #[cfg(target_arch = "x86_64")]
    "uselib" libc::SYS_uselib, Quiet;
    #[cfg(target_arch = "x86_64")]
    "_sysctl" libc::SYS__sysctl, Quiet;
};

#[cfg(target_arch = "x86_64")]
const KEXEC_FILE_LOAD: i64 = libc::SYS_kexec_file_load;
/// Newer than the C library's headers on this architecture.
#[cfg(target_arch = "aarch64")]
const KEXEC_FILE_LOAD: i64 = 294;

/// Memory, semaphores and queues that outlive who made them and are found by number or name. In `strict`
/// they are an attempt's own; without an ipc namespace they would be the host's.
pub(crate) const HOST_IPC: [i64; 17] = [
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_mq_timedsend,
    libc::SYS_mq_timedreceive,
    libc::SYS_mq_notify,
    libc::SYS_mq_getsetattr,
];

/// The name of a call that is always denied.
#[must_use]
pub fn denied_name(number: i64) -> Option<&'static str> {
    let call = DENIED.iter().find(|call| call.number == number)?;
    Some(call.name)
}
