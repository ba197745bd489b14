// Package spawn starts child processes that the kernel is to end with their parent.
//
// Linux's parent-death signal (prctl(2), PR_SET_PDEATHSIG; SysProcAttr.Pdeathsig here) means the thread that forked and
// not its process, and Go may end a thread while the program goes on. So the fork is made on a thread of its own, which
// waits for the child and for nothing else.
package spawn

import (
	"os/exec"
	"runtime"
)

// Start starts the command as cmd.Start does and waits for it beside: done is closed when the child has ended and been
// collected, cmd.ProcessState then says how. Nobody else may call cmd.Wait.
func Start(cmd *exec.Cmd) (done <-chan struct{}, err error) {
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in cmd.ProcessState
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return ended, nil
}
