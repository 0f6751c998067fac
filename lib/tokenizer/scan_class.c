#include "tokenizer/scan_class.h"

#include "tokenizer/scan_class_table.h"
