package lines

import "syscall"

// endWithUs has the kernel kill the program when the thread that starts it ends, and so when this process does, killed or not: what is
// killed has no time to end its own. (A thread of Go ends before the process where a goroutine that is locked to it returns; whoever
// does that must not start programs there.)
func endWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
