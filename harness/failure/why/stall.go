package why

func (s *story) ofStall() {}
