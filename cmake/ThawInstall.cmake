# installation rules: see docs
