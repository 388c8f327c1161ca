package faults

import "errors"

// ErrNoOverlay says that the program was built without the points. A job that needs them cannot tell anything then;
// it must never pass.
var ErrNoOverlay = errors.New("expected a build with the failpoint overlay, found no failpoint; run `make test-faults`")
