import type { Core } from '@strapi/strapi';

import { comparePrompts, readComparison } from './compare-prompts';
import { importCard } from './import-card';
import { listVersions, readUsage } from './read-usage';
import { addTool } from './tool';
import { tryCharacter } from './try-character';

/**
 * Adds tools for an editor's own AI assistant to Strapi's MCP server, if it is enabled. Each tool needs the right of
 * its page in the panel. Call it in `register`.
 */
export function addAssistantTools(strapi: Core.Strapi): void {
  if (!strapi.ai.mcp.isEnabled()) return;
  addTool(strapi, tryCharacter);
  addTool(strapi, comparePrompts);
  addTool(strapi, readComparison);
  addTool(strapi, readUsage);
  addTool(strapi, listVersions);
  addTool(strapi, importCard);
}
